"""Limits, each defined once for the library, the contract, the services and the clients."""

# Of a call.
MAX_IMAGES = 64
MAX_MESSAGE_BYTES = 64 * 2**20  # of a request or a response
DEFAULT_DEADLINE_S = 30.0  # where the caller sets none
MAX_DOCUMENT_BYTES = 32 * 2**20  # that is sent to a gateway
MAX_ID_CHARS = 256  # of a document in a stream, and of a request of the Open Inference Protocol
MAX_VECTOR_SIZE = 4096

# Of a file, however it is read.
MAX_FILE_BYTES = 256 * 2**20
MAX_PASSWORD_CHARS = 1000  # far more than the 127 bytes that count by ISO 32000-2, 7.6.4.3.3
MAX_PAGES = 100  # that are answered together
MAX_STREAMED_PAGES = 5000  # that are answered one by one
MAX_PAGE_PIXELS = 80_000_000
MIN_SIDE_PX = 8
MAX_SIDE_PX = 20_000

# Of what is found.
MAX_DETECTIONS = 300  # of a page
MAX_STAMPS = 2000  # of a document, the vectors of every two of which are compared
MAX_INK_STAMPS = 200  # of a document, whose crops are kept until their ink may be compared
MAX_INK_LOOKS = 100  # of a document, at the ink of two stamps: each takes a tenth of a second of one core, and more
DEFAULT_PRIOR = 0.5  # the share of pairs of one die among those that are asked about; the others share the layout
DEFAULT_MAX_OVERLAP = 0.5  # of two stamps, as intersection over union
LOOSEST_MAX_OVERLAP = 0.9  # that a caller may ask for
