from .arrays import (
    class_names as class_names,
    data_key as data_key,
    describe as describe,
    is_own as is_own,
    locate as locate,
    verify as verify,
)
from .batches import MIN_STD as MIN_STD, Batches as Batches, evaluation_batches as evaluation_batches
from .catalog import DATASETS as DATASETS, DatasetInfo as DatasetInfo, Part as Part, named as named
from .fetching import fetch as fetch
from .given import GivenImages as GivenImages, given_images as given_images
from .given_arrays import Axes as Axes
from .kept_arrays import keep_arrays as keep_arrays
from .load import (
    Images as Images,
    SearchData as SearchData,
    load_search_data as load_search_data,
    load_test_images as load_test_images,
)
from .locations import cache_dir as cache_dir, find_files as find_files
from .pictures import read_test_pictures as read_test_pictures
from .source import FileReport as FileReport
from .streams import stream as stream
from .summary import (
    PART_NAMES as PART_NAMES,
    DataSummary as DataSummary,
    summarize as summarize,
    understood as understood,
)
