from .answers import Answers as Answers, find_answers as find_answers
from .checklist import (
    Item as Item,
    checklist_items as checklist_items,
    checklist_section as checklist_section,
)
from .mistakes import (
    class_table as class_table,
    confusion_blocks as confusion_blocks,
    counted_remarks as counted_remarks,
    too_many_classes as too_many_classes,
)
from .outcomes import outcome_table as outcome_table
from .pictures import kept_images as kept_images
from .practices import (
    Answer as Answer,
    Answered as Answered,
    StudyRecords as StudyRecords,
    code as code,
    confounders as confounders,
    details as details,
    differing as differing,
    final_settings as final_settings,
    listed as listed,
    space as space,
    surrogates as surrogates,
    tuning as tuning,
    whole_time as whole_time,
)
from .provenance import moment as moment, provenance_section as provenance_section
from .summary import ReportSummary as ReportSummary
from .training_effort import (
    data_names as data_names,
    effort_paragraphs as effort_paragraphs,
    effort_tiles as effort_tiles,
)
from .trials import outcome_name as outcome_name, trial_data as trial_data
from .uneven import (
    beside as beside,
    largest_class as largest_class,
    with_largest_class as with_largest_class,
)
