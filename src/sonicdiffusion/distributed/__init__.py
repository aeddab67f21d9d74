"""Work spread over a Ray cluster, or over the processes of one machine by Ray."""
