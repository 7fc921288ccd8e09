from .bundle import Bundle as Bundle, load_bundle as load_bundle
from .onnx_model import INSTALL as INSTALL, missing_libraries as missing_libraries
from .predictions import Prediction as Prediction, classify as classify
from .preprocess import OnnxInput as OnnxInput
from .scores import Scores as Scores
from .torchvision_names import from_torchvision as from_torchvision, to_torchvision as to_torchvision
from .trained import load_trained as load_trained
from .write import Written as Written, refuse_existing as refuse_existing, write_bundle as write_bundle
