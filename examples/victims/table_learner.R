#!/usr/bin/env Rscript
# A linear model of each task for `crosstalk audit --victim`, to be replaced by your own (Debian: r-base-core).
#
#   crosstalk audit shops.csv --task shop --label sales \
#       --victim 'Rscript examples/victims/table_learner.R shop {train} {test} {predictions}'
#
# It learns the column of the first file that the second does not have, from the columns of numbers, by least squares
# with a small ridge.

words <- commandArgs(trailingOnly = TRUE)
task <- words[1]
seen <- read.csv(words[2], check.names = FALSE)
asked <- read.csv(words[3], check.names = FALSE)
label <- setdiff(names(seen), names(asked))[1]
columns <- Filter(function(name) name != task && is.numeric(seen[[name]]), names(asked))

design <- function(rows, centre, spread) {
  X <- sweep(sweep(as.matrix(rows[columns]), 2, centre), 2, spread, "/")
  X[is.na(X)] <- 0
  cbind(1, X)
}
centre <- colMeans(seen[columns], na.rm = TRUE)
spread <- pmax(apply(seen[columns], 2, sd, na.rm = TRUE), 1e-9)

prediction <- numeric(nrow(asked))
for (name in unique(asked[[task]])) {
  rows <- seen[seen[[task]] == name, ]
  X <- design(rows, centre, spread)
  ridge <- diag(c(0, rep(1, length(columns))), nrow = length(columns) + 1)
  weights <- solve(crossprod(X) + ridge, crossprod(X, rows[[label]]))
  wanted <- asked[[task]] == name
  prediction[wanted] <- design(asked[wanted, ], centre, spread) %*% weights
}
write.csv(data.frame(prediction = prediction), words[4], row.names = FALSE)
