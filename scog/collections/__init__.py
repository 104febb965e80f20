"""What defines a collection: bands, scene classes, presets and the rule for the reflectance offset."""
