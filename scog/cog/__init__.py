"""Headers and blocks of Cloud Optimized GeoTIFFs: read, decoded, cached."""
