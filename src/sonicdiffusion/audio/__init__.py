"""Sound in: decoding, resampling, cropping, levels and spectra; pure computation without networks."""
