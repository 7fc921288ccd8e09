from .checklist import Item as Item, checklist_section as checklist_section, items as items
from .evidence import Answer as Answer, Answered as Answered, Evidence as Evidence
from .origin import moment as moment, provenance as provenance
from .outcomes import outcome_table as outcome_table
from .practices import listed as listed
from .records import (
    Spec as Spec,
    number as number,
    outcome_name as outcome_name,
    record_table as record_table,
)
from .summary import ReportSummary as ReportSummary
from .training_effort import (
    data_names as data_names,
    device as device,
    effort as effort,
    trained_s as trained_s,
    workers as workers,
)
