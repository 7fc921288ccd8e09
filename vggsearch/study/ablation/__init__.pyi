from .assembly import CALIBRATION_ROUNDS as CALIBRATION_ROUNDS, AblationAssembly as AblationAssembly
from .frames import correctness as correctness, pairs_frame as pairs_frame, rates_frame as rates_frame
