"""What a collection is: bands, classes, presets, and the rule of the reflectance offset."""
