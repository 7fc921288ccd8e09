from .anytime import anytime_best as anytime_best, luck_of_random as luck_of_random, spent as spent
from .certainty import COARSE as COARSE, others_within as others_within, standard_error as standard_error
from .classes import (
    class_effects as class_effects,
    class_means as class_means,
    confusion as confusion,
    per_class as per_class,
)
from .crossed import RESAMPLES as RESAMPLES, crossed_interval as crossed_interval
from .fidelities import (
    agreement as agreement,
    fidelity_correlations as fidelity_correlations,
    seed_noise as seed_noise,
    variance_shares as variance_shares,
)
from .kernels import KernelComparison as KernelComparison, compare_kernels as compare_kernels
from .meta_analysis import MetaAnalysis as MetaAnalysis
from .paired import differences as differences, effect as effect, effects as effects
from .pareto import (
    front as front,
    hypervolume_over_trials as hypervolume_over_trials,
    staircase as staircase,
    thin_front as thin_front,
)
from .planned_looks import (
    differences_can_show as differences_can_show,
    interval_levels as interval_levels,
    looks_reached as looks_reached,
)
from .power import MAX_PAIRS as MAX_PAIRS, minimum_detectable_effect as minimum_detectable_effect
from .rate_choice import rate_table as rate_table
from .rate_growth import flat_ends as flat_ends, grown_rates as grown_rates
from .selection import (
    best as best,
    best_first as best_first,
    candidates as candidates,
    cheapest_within as cheapest_within,
    finalist_table as finalist_table,
    finalists as finalists,
    summary as summary,
)
from .verdicts import (
    MIN_PAIRS as MIN_PAIRS,
    Verdict as Verdict,
    best_possible_p as best_possible_p,
    pairs_needed_for_any_verdict as pairs_needed_for_any_verdict,
    verdict as verdict,
)
from .worker_time import TIME_PARTS as TIME_PARTS, Spending as Spending, spending as spending
