"""``python -m squeezebert.cli`` is the program ``squeezebert``."""

import sys

from squeezebert.cli import main

sys.exit(main())
