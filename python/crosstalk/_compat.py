"""What differs between versions of scikit-learn (1.2 of Debian 12, 1.4 of Debian 13, and newer ones)."""

import numpy as np
from sklearn.utils import check_array

try:  # scikit-learn >= 1.6
    from sklearn.utils.validation import _check_feature_names, _check_n_features
except ImportError:

    def _check_feature_names(estimator, X, *, reset):
        estimator._check_feature_names(X, reset=reset)

    def _check_n_features(estimator, X, *, reset):
        estimator._check_n_features(X, reset=reset)


def remember_columns(estimator, X, *, reset):
    """Sets or compares `n_features_in_` and `feature_names_in_`."""
    _check_feature_names(estimator, X, reset=reset)
    _check_n_features(estimator, X, reset=reset)


def as_floats(X, *, least_rows):
    """X as a float64 array of two dimensions, without a copy where it is one. Numbers that are not finite pass."""
    import sklearn

    newer = tuple(int(part) for part in sklearn.__version__.split(".")[:2]) >= (1, 6)
    finite = {"ensure_all_finite" if newer else "force_all_finite": False}
    return check_array(X, dtype=np.float64, ensure_min_samples=least_rows, **finite)
