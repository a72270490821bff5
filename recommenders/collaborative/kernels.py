"""The inner loop of solving users, compiled by numba."""

import numpy as np

from recommenders.compiled import compiled


@compiled(fastmath=True)
def _dot(a, b, n):  # type: ignore[no-untyped-def]
    total = np.float32(0)
    for i in range(n):
        total += a[i] * b[i]
    return total


@compiled()
def fold_in(factors, gram, indptr, indices, confidence, solved):  # type: ignore[no-untyped-def]
    """Solve each user with any confidences, by Cholesky, and write the factors into `solved` (n_users, n_factors).

    `gram` is Y'Y + regularisation I; the rows of `confidence` are given as of a CSR matrix. All float32.
    """
    n_factors = factors.shape[1]
    for user in range(solved.shape[0]):
        signed = confidence[indptr[user] : indptr[user + 1]]
        if signed.shape[0] == 0:
            continue
        own = factors[indices[indptr[user] : indptr[user + 1]]]
        weighted = own * np.expand_dims(np.sqrt(np.abs(signed) - np.float32(1)), 1)
        lower = np.linalg.cholesky(gram + np.dot(weighted.T, weighted))
        x = solved[user]
        x[:] = np.dot(np.maximum(signed, np.float32(0)), own)
        for i in range(n_factors):
            x[i] = (x[i] - _dot(lower[i], x, i)) / lower[i, i]
        for i in range(n_factors - 1, -1, -1):
            x[i] /= lower[i, i]
            for k in range(i):
                x[k] -= lower[i, k] * x[i]
