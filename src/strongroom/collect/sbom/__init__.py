"""Bills of materials of images, as scanners and builders write them."""
