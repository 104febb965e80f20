"""Request parameters: from paths, query strings and bodies to checked values."""
