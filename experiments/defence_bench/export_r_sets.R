#!/usr/bin/env Rscript
# Writes grouped data of R packages as CSV files for defence_bench: export_r_sets.R FOLDER
# Debian: r-base-core r-cran-nlme r-cran-lme4 r-cran-mlmrev r-cran-plm r-cran-aer r-cran-cardata
# R_LIBS may name a folder of unpacked packages; only their data are read.
# At most 40 groups of at least 8 rows, and at most 100 rows of a group, both by chance with seed 1.
folder <- commandArgs(trailingOnly = TRUE)
if (length(folder) != 1) stop("usage: export_r_sets.R FOLDER")

# name, package, data, group, label, features (none: all other columns)
sets <- list(
  list("exam", "mlmRev", "Exam", "school", "normexam", c("standLRT", "sex", "vr", "intake")),
  list("egsingle", "mlmRev", "egsingle", "schoolid", "math", c("year", "grade", "retained", "female", "black", "hispanic")),
  list("scotssec", "mlmRev", "ScotsSec", "second", "attain", c("verbal", "sex", "social")),
  list("bdf", "nlme", "bdf", "schoolNR", "langPOST", c("IQ.verb", "IQ.perf", "sex", "ses", "aritPRET", "langPRET")),
  list("milk", "nlme", "Milk", "Cow", "protein", c("Time")),
  list("spruce", "nlme", "Spruce", "plot", "logSize", c("days")),
  list("cigar", "plm", "Cigar", "state", "sales", c("price", "pop", "pop16", "cpi", "ndi", "pimin")),
  list("gasoline", "plm", "Gasoline", "country", "lgaspcar", c("lincomep", "lrpmg", "lcarpcap", "year")),
  list("ricefarms", "plm", "RiceFarms", "region", "goutput",
       c("size", "seed", "urea", "phosphate", "totlabor", "wage", "price", "varieties")),
  list("males", "plm", "Males", "industry", "wage", c("school", "exper", "union", "ethn", "married", "health")),
  list("fatalities", "AER", "Fatalities", "year", "fatal",
       c("spirits", "unemp", "income", "beertax", "baptist", "miles", "pop", "youngdrivers")),
  list("schools-by-county", "AER", "CASchools", "county", "math",
       c("students", "teachers", "calworks", "lunch", "computer", "expenditure", "income", "english")),
  list("sumhes", "plm", "SumHes", "year", "sr", c("opec", "com", "pop", "gdp")),
  list("remifentanil", "nlme", "Remifentanil", "Subject", "conc", c("Time", "Rate", "Amt")),
  list("arrests", "carData", "Arrests", "year", "released", c("colour", "age", "sex", "employed", "citizen", "checks")),
  list("immunised", "mlmRev", "guImmun", "comm", "immun", c("kid2p", "mom25p", "ord", "ethn", "momEd", "husEd", "momWork")),
  list("verbagg", "lme4", "VerbAgg", "item", "r2", c("Anger", "Gender")),
  # the fresh half
  list("chicks", "datasets", "ChickWeight", "Chick", "weight", c("Time")),
  list("oxboys", "nlme", "Oxboys", "Subject", "height", c("age")),
  list("math", "nlme", "MathAchieve", "School", "MathAch", c("Minority", "Sex", "SES", "MEANSES")),
  list("ovary", "nlme", "Ovary", "Mare", "follicles", c("Time")),
  list("soybean", "nlme", "Soybean", "Plot", "weight", c("Time")),
  list("theoph", "nlme", "Theoph", "Subject", "conc", c("Wt", "Dose", "Time")),
  list("igf", "nlme", "IGF", "Lot", "conc", c("age")),
  list("wheat", "nlme", "Wheat2", "Block", "yield", c("latitude", "longitude")),
  list("earthquake", "nlme", "Earthquake", "Quake", "accel", c("Richter", "distance")),
  list("quinidine", "nlme", "Quinidine", "Race", "glyco", c("time", "Age", "Height", "Weight")),
  list("sleep", "lme4", "sleepstudy", "Subject", "Reaction", c("Days")),
  list("grunfeld", "plm", "Grunfeld", "firm", "inv", c("value", "capital")),
  list("labour", "plm", "LaborSupply", "id", "lnhr", c("lnwg", "kids", "age", "disab")),
  list("hedonic", "plm", "Hedonic", "townid", "mv", c("crim", "rm", "age", "dis", "lstat", "blacks")),
  list("crime", "plm", "Crime", "year", "crmrte", c("prbarr", "prbconv", "avgsen", "polpc", "density", "taxpc")),
  list("chem", "mlmRev", "Chem97", "lea", "gcsescore", c("score", "gender", "age")),
  list("gcse", "mlmRev", "Gcsemv", "school", "course", c("written", "gender")))

set.seed(1)
for (set in sets) {
  room <- new.env()
  data(list = set[[3]], package = set[[2]], envir = room)
  rows <- as.data.frame(get(set[[3]], room))
  rows <- data.frame(task = paste0("g", as.character(rows[[set[[4]]]])), rows[set[[6]]], label = rows[[set[[5]]]])
  rows <- rows[complete.cases(rows), ]
  counts <- table(rows$task)
  groups <- names(counts)[counts >= 8]
  if (length(groups) > 40) groups <- sort(sample(groups, 40))
  rows <- rows[rows$task %in% groups, ]
  keep <- unlist(lapply(split(seq_len(nrow(rows)), rows$task), function(of) if (length(of) > 100) sort(sample(of, 100)) else of))
  rows <- rows[sort(keep), ]
  write.csv(rows, file.path(folder, paste0(set[[1]], ".csv")), row.names = FALSE, quote = FALSE)
  cat(set[[1]], length(groups), "groups", nrow(rows), "rows\n")
}
