"""How far can one malicious user move a prediction, whatever rows the user holds?"""

import numpy as np

import crosstalk as ct

rng = np.random.RandomState(0)
users = np.arange(1500) % 50
X = rng.normal(size=(1500, 3))
y = X @ [1.0, 2.0, -1.0] + 0.3 * rng.normal(size=1500)

certificate = ct.certify(X, y, tasks=users, groups=21)
print(certificate.proven_.head(6).round(3))
print(certificate.intervals(X[:3], k=1, tasks=users[:3]).round(2))

# One user lies as much as can be; the predictions for the others stay in their intervals.
honest = users != 7
bound = certificate.intervals(X[honest], k=1, tasks=users[honest])
lied = ct.certify(X, np.where(users == 7, 1e6, y), tasks=users, groups=21)
said = lied.intervals(X[honest], k=1, tasks=users[honest])["prediction"]
print("inside:", bool(((said >= bound["low"]) & (said <= bound["high"])).all()))
