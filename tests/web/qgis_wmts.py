"""Draws 256 x 256 pixels of a WMTS layer in QGIS, and prints its CRS. Run by Debian's Python, which has QGIS.

Arguments: URL of the capabilities, tile matrix set, west, south, east, north, path of the PNG to write.
"""

import sys

from qgis.core import QgsApplication, QgsMapRendererParallelJob, QgsMapSettings, QgsRasterLayer, QgsRectangle
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

address, grid, west, south, east, north, output = sys.argv[1:]
app = QgsApplication([], False)
app.initQgis()
source = f"format=image/png&layers=scog&styles=default&tileMatrixSet={grid}&crs=EPSG:3857&url={address}"
layer = QgsRasterLayer(source, "scog", "wms")
assert layer.isValid(), layer.error().message()
settings = QgsMapSettings()
settings.setLayers([layer])
settings.setDestinationCrs(layer.crs())
settings.setBackgroundColor(QColor(0, 0, 0, 0))
settings.setOutputSize(QSize(256, 256))
settings.setExtent(QgsRectangle(*map(float, (west, south, east, north))))
job = QgsMapRendererParallelJob(settings)
job.start()
job.waitForFinished()
assert job.renderedImage().save(output)
print(layer.crs().authid())
