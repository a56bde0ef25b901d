"""How rows come in: X, y and whose row each is."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d

from ._compat import as_floats, remember_columns


@dataclass
class Rows:
    """Rows as the library takes them."""

    X: np.ndarray  # n x d, float64, without the task column
    ids: np.ndarray  # n, the task of each row, as given
    columns: list  # d names; empty where X has none
    index: object = None  # of a data frame

    def names(self):
        return [str(name) for name in self.columns]


def _is_frame(X):
    return hasattr(X, "columns") and hasattr(X, "iloc")


def as_frame_or_array(X):
    """A pandas frame for what can become one (polars, pyarrow), else X itself."""
    if not _is_frame(X) and hasattr(X, "__dataframe__"):
        import pandas as pd

        return pd.api.interchange.from_dataframe(X)
    return X


def _position(X, task):
    """The position of the task column."""
    if _is_frame(X):
        places = [k for k, name in enumerate(X.columns) if name == task]
        if len(places) == 1:
            return places[0]
        if places:
            raise ValueError(f"task is {task!r}; {len(places)} columns of X have that name")
        if isinstance(task, str):
            known = ", ".join(repr(str(name)) for name in X.columns[:20])
            raise ValueError(f"task is {task!r}; it must be a column of X, which has {known}")
        count = X.shape[1]
    else:
        if isinstance(task, str):
            raise ValueError(f"task is {task!r}; X has no names of columns, so it must be the position of one")
        count = np.shape(X)[1]
    if isinstance(task, (bool, np.bool_)) or not isinstance(task, (int, np.integer)):
        raise ValueError(f"task is {task!r}; it must be a column's name or position, or None")
    if not -count <= task < count:
        raise ValueError(f"task is {task}; it must be the position of a column of X, which has {count}")
    return int(task) % count


def _number_or_refuse(value, row, column):
    try:
        return float(value)
    except (TypeError, ValueError):
        if value is None or type(value).__name__ in ("NAType", "NaTType"):
            return np.nan
        raise ValueError(
            f"X[{row}, {column!r}] is {value!r}; it must be a number: sklearn.preprocessing.OneHotEncoder turns words"
            " into numbers"
        ) from None


def _frame_as_floats(X, least_rows):
    if X.shape[1] > 0 and all(getattr(kind, "kind", "O") in "fiub" for kind in X.dtypes):
        return as_floats(X.to_numpy(dtype=np.float64), least_rows=least_rows)
    values = np.empty(X.shape, dtype=np.float64)
    for k, name in enumerate(X.columns):
        column = X.iloc[:, k]
        if getattr(column.dtype, "kind", "O") in "fiub" and not column.isna().any():
            values[:, k] = column.to_numpy(dtype=np.float64)
        elif getattr(column.dtype, "kind", "O") in "mM":
            raise ValueError(f"column {name!r} of X holds dates; it must hold numbers, such as days since some day")
        else:
            values[:, k] = [_number_or_refuse(value, i, name) for i, value in enumerate(column)]
    return as_floats(values, least_rows=least_rows)


def _require_finite(X, columns):
    if np.isfinite(X.sum()) or np.isfinite(X).all():
        return
    i, j = np.argwhere(~np.isfinite(X))[0]
    name = repr(columns[j]) if columns else j
    value = "NaN (a missing value)" if np.isnan(X[i, j]) else "inf" if X[i, j] > 0 else "-inf"
    raise ValueError(f"X[{i}, {name}] is {value}; it must be a finite number")


def _is_missing(value):
    return value is None or value != value or type(value).__name__ == "NAType"


def read_rows(X, tasks=None, *, task=None, estimator=None, reset=True, least_rows=1):
    """Takes the tasks out of X, or beside it, and checks every number.

    `estimator` remembers the columns, or compares them with those that it has seen."""
    X = as_frame_or_array(X)
    if task is not None and tasks is not None:
        raise ValueError(f"task is {task!r}, and tasks are given: one of them must be None")
    if not _is_frame(X) and task is not None and not hasattr(X, "dtype"):
        X = np.asarray(X, dtype=object)
    if task is not None and np.ndim(X) != 2:
        raise ValueError(f"X has {np.ndim(X)} dimensions; it must have 2: rows and columns")
    index = X.index if _is_frame(X) else None
    columns = []
    if task is None:
        if _is_frame(X):
            columns = list(X.columns)
            values = _frame_as_floats(X, least_rows)
        else:
            values = as_floats(X, least_rows=least_rows)
        if estimator is not None:
            remember_columns(estimator, X, reset=reset)
        ids = np.zeros(len(values), dtype=np.int64) if tasks is None else np.asarray(tasks)
    else:
        place = _position(X, task)
        if estimator is not None:
            remember_columns(estimator, X, reset=reset)
        if _is_frame(X):
            ids = X.iloc[:, place].to_numpy()
            rest = X.drop(columns=X.columns[place])
            columns = list(rest.columns)
            values = _frame_as_floats(rest, least_rows)
        else:
            ids = X[:, place]
            rest = np.delete(X, place, axis=1)
            if rest.dtype == object:
                for i, row in enumerate(rest):
                    for j, value in enumerate(row):
                        _number_or_refuse(value, i, j + (j >= place))
            values = as_floats(rest, least_rows=least_rows)
    if ids.ndim != 1:
        raise ValueError(f"tasks have {ids.ndim} dimensions; they must have one: the task of each row")
    if len(ids) != len(values):
        raise ValueError(f"tasks has {len(ids)} entries; it must have one for each of the {len(values)} rows of X")
    _require_finite(values, columns)
    if ids.dtype.kind == "f" or ids.dtype == object:
        for i, value in enumerate(ids):
            if _is_missing(value):
                raise ValueError(f"the task of row {i} is missing; every row must have one")
    if ids.dtype.kind == "f":
        infinite = np.flatnonzero(~np.isfinite(ids))
        if len(infinite):
            raise ValueError(f"the task of row {infinite[0]} is {ids[infinite[0]]}; it must be finite")
        if np.all(ids == np.round(ids)) and np.all(np.abs(ids) < 2.0**53):  # others stay as they are
            ids = ids.astype(np.int64)
    return Rows(values, ids, columns, index)


def read_numbers(y, X, name="y"):
    """Labels that are numbers."""
    y = column_or_1d(y, warn=True)
    check_consistent_length(X, y)
    try:
        y = y.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} holds words; it must hold numbers: a classifier learns words") from None
    bad = np.flatnonzero(~np.isfinite(y))
    if len(bad):
        value = "NaN" if np.isnan(y[bad[0]]) else "inf" if y[bad[0]] > 0 else "-inf"
        raise ValueError(f"{name}[{bad[0]}] is {value}; it must be a finite number")
    return y


def tasks_of(ids):
    """The different tasks in the order in which they first appear, as in a file, and the position of each row's."""
    if ids.dtype.kind in "iu" and len(ids) and int(ids.max()) - int(ids.min()) < 4 * len(ids):
        shifted = (ids - ids.min()).astype(np.int64)  # the sort of np.unique takes as long as a small fit
        first = np.full(int(shifted.max()) + 1, -1)
        first[shifted[::-1]] = np.arange(len(ids) - 1, -1, -1)  # of several, the last one stays
        places = np.flatnonzero(first >= 0)
        places = places[np.argsort(first[places], kind="stable")]
        rank = np.empty(len(first), dtype=np.int64)
        rank[places] = np.arange(len(places))
        return ids[first[places]], rank[shifted]
    try:
        values, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
        order = np.argsort(first, kind="stable")
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        return values[order], rank[np.ravel(inverse)]
    except TypeError:  # ids of several types have no order
        places = {}
        codes = np.array([places.setdefault(value, len(places)) for value in ids], dtype=np.int64)
        values = np.empty(len(places), dtype=object)
        values[:] = list(places)
        return values, codes


def names_of(tasks):
    """Texts for tasks."""
    names = [str(task) for task in tasks]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two tasks are called {twice!r}, as a number and as a text perhaps; names must differ")
    return names


def codes_in(ids, known):
    """Positions of the rows' tasks among known ones; -1 for another."""
    values, codes = tasks_of(ids)
    places = {task: k for k, task in enumerate(known.tolist())}
    return np.array([places.get(value, -1) for value in values.tolist()], dtype=np.int64)[codes]


def positions(what, wanted, known):
    """Positions of the tasks that a user names."""
    if wanted is None:
        return []
    if isinstance(wanted, (str, bytes)) or np.ndim(wanted) == 0:
        wanted = [wanted]
    places = {task: k for k, task in enumerate(known.tolist())}
    for one in wanted:
        if one not in places:
            listed = ", ".join(repr(task) for task in known.tolist()[:20])
            raise ValueError(f"{what} has {one!r}; it must name tasks of the data: {listed}")
    return [places[one] for one in wanted]


def seed_of(random_state):
    """A whole number for the library. The same number is the same seed as the command's."""
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool):
        if random_state < 0:
            raise ValueError(f"random_state is {random_state}; it must be >= 0")
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def threads_of(n_jobs):
    """n_jobs as everywhere in scikit-learn; 0 is all cores for the library."""
    if n_jobs is None:
        return 1
    if n_jobs == 0:
        raise ValueError("n_jobs is 0; it must be None, > 0, or -1 for all cores")
    return max(0, int(n_jobs))
