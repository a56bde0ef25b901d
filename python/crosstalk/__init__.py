"""crosstalk: how much damage can injected rows do when one model learns all tasks together?

    import crosstalk as ct

    est = ct.MTRLRegressor(task="user", lambda1=1e-3, lambda2=1e-2).fit(df, y)
    ct.audit(df, y, task="user")

See docs/guide/python.md.
"""

from ._blas import known_kernels as _known_kernels

with _known_kernels():
    from . import _core
from . import attacks
from ._audit import AuditResult, audit
from ._defence import Certificate, PoisonDetector, RobustMTRLClassifier, RobustMTRLRegressor, certify, screen
from ._estimators import MTRLClassifier, MTRLClassifierCV, MTRLRegressor, MTRLRegressorCV
from ._problem import Problem, load_problem
from .attacks import check_gradient

__version__ = _core.__version__

__all__ = [
    "AuditResult",
    "Certificate",
    "MTRLClassifier",
    "MTRLClassifierCV",
    "MTRLRegressor",
    "MTRLRegressorCV",
    "PoisonDetector",
    "Problem",
    "RobustMTRLClassifier",
    "RobustMTRLRegressor",
    "attacks",
    "audit",
    "certify",
    "check_gradient",
    "load_problem",
    "screen",
]
