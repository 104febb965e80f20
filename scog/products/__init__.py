"""What is made of images: crops, animations, contact sheets, time series, zonal statistics."""
