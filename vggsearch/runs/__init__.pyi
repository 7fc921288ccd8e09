from .architecture_columns import ARCHITECTURE_COLUMNS as ARCHITECTURE_COLUMNS
from .checksums import (
    TEMPORARY as TEMPORARY,
    Damage as Damage,
    Damaged as Damaged,
    add_checksum as add_checksum,
    make_folder as make_folder,
    open_bounded as open_bounded,
    read_bounded as read_bounded,
    read_checksummed as read_checksummed,
    sweep as sweep,
    sync_folder as sync_folder,
    temporary_files as temporary_files,
    verify_checksum as verify_checksum,
    write_atomically as write_atomically,
    write_checksummed as write_checksummed,
)
from .frames import curves_frame as curves_frame, trials_frame as trials_frame
from .metrics import METRICS as METRICS, UNEVEN_COLUMNS as UNEVEN_COLUMNS
from .predictions import Predictions as Predictions
from .ranking import Criterion as Criterion, best_run as best_run, standing as standing
from .record import (
    FINAL as FINAL,
    SCHEMA_VERSION as SCHEMA_VERSION,
    STAGES as STAGES,
    Clock as Clock,
    Count as Count,
    CurvePoint as CurvePoint,
    DataKey as DataKey,
    Digest as Digest,
    Duration as Duration,
    Moment as Moment,
    Outcome as Outcome,
    Provenance as Provenance,
    RunKey as RunKey,
    RunRecord as RunRecord,
    Stage as Stage,
    Text as Text,
    TrialRecord as TrialRecord,
    pack_bits as pack_bits,
    unpack_bits as unpack_bits,
)
from .uneven import accuracy_text as accuracy_text
from .validation import (
    MAX_RECORD_BYTES as MAX_RECORD_BYTES,
    first_error as first_error,
    many_records as many_records,
    valid_trial as valid_trial,
    validated as validated,
)
