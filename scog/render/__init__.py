"""From values to colours, and from colours to files, legends and charts."""
