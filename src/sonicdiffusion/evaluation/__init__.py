"""A pipeline becomes numbers with intervals: the judge, the measurements and the report."""
