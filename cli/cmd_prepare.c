/* starling prepare: labelled light curves to a data-set file. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "ids.h"
#include "opts.h"
#include "prepare_contract.h"

static const manual about = {
    .command = "prepare",
    .summary = "labelled light curves to the data that train learns from",
    .operands = "PATH... --labels TABLE -o DATA",
    .text =
        "Reads light curves from anything that starling classify reads, takes the class and the redshift of each object\n"
        "from a table, and writes the networks' inputs: the Gaussian process is fitted here once, not in every epoch.\n\n"
        "The table is CSV with a column object_id (or name, snid) and a column target (or type, class); hostgal_photoz and\n"
        "hostgal_photoz_err (or redshift and redshift_err) are taken where they are there, and nothing else. Objects that\n"
        "it does not have, or whose label is no class, are left out.\n\n"
        "With --copies N each object gives N more rows, each a view of it changed at random. The same options and seed\n"
        "give the same bytes, whatever the number of threads.\n\n"
        "--features takes names, \"all\", or \"all,-NAME\" for all but some; starling prepare --list-features prints them.",
    .examples =
        "starling prepare plasticc_train_lightcurves.csv --labels plasticc_train_metadata.csv -o grids.data\n"
        "# six bands and the photometric redshift, three changed views of each object\n"
        "starling prepare lightcurves.csv --labels metadata.csv --bands ugrizy --redshift --copies 3 -o grids.data\n"
        "# ZTF's supernovae\n"
        "starling prepare ztf_bts_photometry.csv.gz --labels ztf_bts_labels.csv --classes ztf -o bts.data\n"
        "# features alone, many views of each object: for train --net mlp\n"
        "starling prepare lightcurves.csv --labels metadata.csv --no-grid --copies 32 -o features.data\n"
        "# for a model that is there, to evaluate it: its contract, its scaling\n"
        "starling prepare lightcurves.csv --labels metadata.csv --like model.starling --only ids.csv -o exam.data",
};

/* What the command line says. */
typedef struct wishes {
    contract_wishes contract;
    sl_prepare_options options;
    const char *out, *labels, *classes, *like, *exclude, *only, *schemas;
    uint64_t copies, seed, threads;
    bool half, others, keep_empty, quiet, list_features;
} wishes;

/* A run. */
typedef struct run {
    const wishes *w;
    sl_contract contract;
    sl_class_rules rules;
    int class_of[SL_MAX_CLASSES]; /* of the rules, in the contract; -1: not there */
    sl_labels *labels;
    ids exclude, only;
    sl_prepare *prepare;
    uint64_t expected, added, excluded, unlabelled, other, broken;
    char message[256]; /* of the first broken one */
    struct timespec began, told;
    sl_error err;
} run;

static double seconds_since(const struct timespec *then)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) + 1e-9 * (double)(now.tv_nsec - then->tv_nsec);
}

/* ---- what will be there ---- */

/* The contract of a model or of a data set. */
static int contract_like(const char *path, sl_contract *out)
{
    sl_model *model = NULL;
    sl_dataset *dataset = NULL;
    sl_error err, other;
    if (open_model(path, &model, &err) == SL_OK) {
        *out = *sl_model_contract(model);
    } else if (sl_dataset_open(path, &dataset, &other) == SL_OK) {
        *out = *sl_dataset_contract(dataset);
    } else {
        return say_failed(about.command, NULL, other.reason == SL_REASON_UNKNOWN_FORMAT ? &err : &other);
    }
    sl_model_close(model);
    sl_dataset_close(dataset);
    return EXIT_WELL;
}

static int make_contract(run *r)
{
    const wishes *w = r->w;
    if (sl_class_rules_parse(w->classes, &r->rules, &r->err) < 0) return opts_wrong(&about, "--classes: %s", r->err.message);
    if (w->like != NULL) {
        const int code = contract_like(w->like, &r->contract);
        if (code != EXIT_WELL) return code;
    } else if (contract_from_wishes(&w->contract, &r->rules, &r->contract, &r->err) < 0) {
        return opts_wrong(&about, "%s", r->err.message);
    }
    snprintf(r->contract.source, sizeof r->contract.source, "%s", w->labels);
    bool any = false;
    for (uint32_t k = 0; k < r->rules.n_classes; k++) {
        r->class_of[k] = -1;
        for (uint32_t c = 0; c < r->contract.n_classes; c++) {
            if (strcmp(r->rules.classes[k].name, r->contract.classes[c].name) == 0) r->class_of[k] = (int)c;
        }
        any = any || r->class_of[k] >= 0;
    }
    return any ? EXIT_WELL : opts_wrong(&about, "none of --classes is a class of %s", w->like);
}

static bool is_excluded(const run *r, sl_str id)
{
    return ids_has(&r->exclude, id) || (r->w->only != NULL && !ids_has(&r->only, id));
}

static int class_of(const run *r, const sl_label *label)
{
    const int k = sl_class_rules_find(&r->rules, label->text);
    return k >= 0 ? r->class_of[k] : -1;
}

static int read_tables(run *r)
{
    const wishes *w = r->w;
    int code = EXIT_WELL;
    if (sl_labels_open(w->labels, &r->labels, &r->err) < 0) return say_failed(about.command, NULL, &r->err);
    if (w->exclude != NULL) code = ids_read(about.command, w->exclude, &r->exclude);
    if (code == EXIT_WELL && w->only != NULL) code = ids_read(about.command, w->only, &r->only);
    for (size_t i = 0; code == EXIT_WELL && i < sl_labels_count(r->labels); i++) {
        const sl_label *label = sl_labels_at(r->labels, i);
        r->expected += !is_excluded(r, label->object_id) && (w->others || class_of(r, label) >= 0);
    }
    if (code == EXIT_WELL && r->expected == 0) {
        fprintf(stderr, "starling prepare: %s has no object with a label that is a class; see --classes\n", w->labels);
        code = EXIT_IO;
    }
    return code;
}

/* ---- doing it ---- */

static void tell_progress(run *r)
{
    static const double often_s = 0.25;
    if (r->w->quiet || !isatty(STDERR_FILENO) || seconds_since(&r->told) < often_s) return;
    clock_gettime(CLOCK_MONOTONIC, &r->told);
    sl_prepare_counts c;
    char done[32], all[32];
    sl_prepare_tally(r->prepare, &c);
    const double spent = seconds_since(&r->began), rate = (double)c.objects / spent;
    const double left = rate > 0 ? ((double)r->expected - (double)c.objects) / rate : 0;
    fprintf(stderr, "\r%s of %s objects, %.0f a second, %.0f s left ", show_count(c.objects, done),
            show_count(r->expected, all), rate, left > 0 ? left : 0);
}

static sl_status on_item(void *user, const sl_read_item *item)
{
    run *r = user;
    if (item->alert == NULL) {
        if (is_excluded(r, item->object_id)) return SL_OK;
        if (r->broken == 0) snprintf(r->message, sizeof r->message, "%s: %s", item->path, item->message);
        r->broken += item->n_records;
        return SL_OK;
    }
    sl_alert alert = *item->alert;
    if (is_excluded(r, alert.object_id)) {
        r->excluded++;
        return SL_OK;
    }
    const sl_label *label = sl_labels_find(r->labels, alert.object_id);
    const int class = label != NULL ? class_of(r, label) : -1;
    if (label == NULL || (class < 0 && !r->w->others)) {
        r->unlabelled += label == NULL;
        r->other += label != NULL;
        return SL_OK;
    }
    if (isfinite(label->redshift)) {
        alert.redshift = label->redshift;
        alert.redshift_error = label->redshift_error;
    }
    r->added++;
    tell_progress(r);
    return sl_prepare_add(r->prepare, &alert, class, &r->err);
}

static int prepare_all(run *r, const char *const *paths, size_t n_paths, sl_prepare_counts *counts)
{
    sl_prepare_options options = r->w->options;
    options.contract = &r->contract;
    sl_error err = {0};
    if (sl_prepare_new(&options, &r->prepare, &err) < 0) return say_failed(about.command, NULL, &err);
    sl_status status = sl_alerts_read(paths, n_paths, r->w->schemas, on_item, r, &err);
    if (status < 0 && r->err.status < 0) err = r->err; /* it was stopped for that */
    if (status == SL_OK) status = sl_prepare_finish(r->prepare, counts, &err);
    if (!r->w->quiet && isatty(STDERR_FILENO)) fputc('\r', stderr);
    return status < 0 ? say_failed(about.command, NULL, &err) : EXIT_WELL;
}

static void tell_count(uint64_t n, const char *what)
{
    char count[32];
    if (n > 0) fprintf(stderr, "  %12s  %s\n", show_count(n, count), what);
}

static void tell_end(const run *r, const sl_prepare_counts *c)
{
    char rows[32], objects[32];
    const sl_contract *contract = &r->contract;
    fprintf(stderr, "%s: %s rows of %s objects in %.1f s; %u x %u and %u features\n", r->w->out, show_count(c->rows, rows),
            show_count(c->objects - (r->w->options.keep_refused ? 0 : c->refused), objects), seconds_since(&r->began), sl_contract_input_steps(contract),
            sl_contract_input_channels(contract), sl_contract_input_features(contract));
    for (uint32_t k = 0; k < contract->n_classes; k++) tell_count(c->rows_of_class[k], contract->classes[k].name);
    tell_count(r->excluded, "objects left out, as told");
    tell_count(r->unlabelled, "objects left out, not in the table of labels");
    tell_count(r->other, "objects left out, of no class");
    tell_count(c->no_views, "views left out, too little of them was left");
    for (int i = 0; i < SL_N_REASONS; i++) {
        char what[160];
        snprintf(what, sizeof what, "objects %s: %s", r->w->options.keep_refused ? "with an empty row" : "refused",
                 sl_reason_text((sl_reason)i));
        tell_count(c->by_reason[i], what);
    }
    tell_count(r->broken, "records could not be decoded; the first:");
    if (r->broken > 0) fprintf(stderr, "                %s\n", r->message);
}

static int prepare(const wishes *w, const char *const *paths, size_t n_paths)
{
    run *r = calloc(1, sizeof *r);
    if (r == NULL) {
        fprintf(stderr, "starling prepare: out of memory\n");
        return EXIT_INTERNAL;
    }
    sl_prepare_counts counts;
    r->w = w;
    clock_gettime(CLOCK_MONOTONIC, &r->began);
    r->told = r->began;
    int code = make_contract(r);
    if (code == EXIT_WELL) code = read_tables(r);
    if (code == EXIT_WELL) code = prepare_all(r, paths, n_paths, &counts);
    if (code == EXIT_WELL && !w->quiet) tell_end(r, &counts);
    if (code == EXIT_WELL && counts.rows == 0) {
        fprintf(stderr, "starling prepare: no object of %s has a light curve here that the contract takes\n", w->labels);
        code = EXIT_SOME;
    }
    sl_prepare_free(r->prepare);
    sl_labels_close(r->labels);
    ids_release(&r->exclude);
    ids_release(&r->only);
    free(r);
    return code;
}

static int list_features(void)
{
    for (int f = 0; f < SL_FEATURE_END; f++) {
        const char *name = sl_feature_name((sl_feature)f);
        if (name != NULL) printf("%s%s\n", name, sl_feature_of_bands((sl_feature)f) ? "  (one a band)" : "");
    }
    return EXIT_WELL;
}

static int check(const wishes *w, int n_operands)
{
    if (n_operands == 0) return opts_wrong(&about, "give the light curves: files, folders, or - for standard input");
    if (w->labels == NULL) return opts_wrong(&about, "give --labels TABLE, the objects' classes");
    if (w->out == NULL) return opts_wrong(&about, "give -o DATA, the file to write");
    if (strcmp(w->out, "-") == 0) return opts_wrong(&about, "the data set must be a file: its header is written last");
    if (w->contract.extras != SL_EXTRAS_NONE && !w->contract.redshift) {
        return opts_wrong(&about, "--extras are the redshift and its error: add --redshift");
    }
    return OPTS_GO;
}

int cmd_prepare(int argc, char **argv)
{
    wishes w = {.classes = "plasticc", .threads = 0,
                .contract = {.bands = "gr", .features = "all", .planes = "asinh", .min_points = 2, .steps = 100, .window = 50, .knots = 9}};
    sl_augment *a = &w.options.augment;
    sl_augment_defaults(a);
    w.seed = a->seed;
    const opt options[] = {
        {'o', "output", OPT_TEXT, &w.out, "DATA", "the data-set file to write"},
        {'l', "labels", OPT_TEXT, &w.labels, "TABLE", "CSV of the objects: class, redshift"},
        {'c', "classes", OPT_TEXT, &w.classes, "RULES",
         "plasticc (default): its 14, by number or name; ztf: five classes of supernovae; or NAME=LABEL+LABEL,NAME,..."},
        {0, "keep-others", OPT_FLAG, &w.others, NULL, "keep objects whose label is no class, without one"},
        {0, "keep-empty", OPT_FLAG, &w.keep_empty, NULL,
         "an object that the contract refuses gets a row of zeros, every feature missing; so it is with --like anyway"},
        {'x', "exclude", OPT_TEXT, &w.exclude, "FILE", "leave out the objects whose ids are in FILE"},
        {0, "only", OPT_TEXT, &w.only, "FILE", "take no objects but those whose ids are in FILE"},
        {0, "like", OPT_TEXT, &w.like, "FILE", "make inputs for this model, a file or one that the program carries, or as this data set has them; the next thirteen options say nothing then"},

        {'b', "bands", OPT_TEXT, &w.contract.bands, "BANDS", "gr (default), ugrizy, or some of its letters"},
        {'z', "redshift", OPT_FLAG, &w.contract.redshift, NULL, "the table's redshift is an input"},
        {0, "scaling", OPT_CHOICE, &w.contract.scaling, "NAME", "of the mean: peak (default): over the largest flux; none; median_iqr", .choices = contract_scalings},
        {0, "planes", OPT_TEXT, &w.contract.planes, "LIST", "beside the scaled mean: asinh (default); error; asinh,error; or none"},
        {0, "features", OPT_TEXT, &w.contract.features, "LIST", "single numbers beside the grid (default all)"},
        {0, "knots", OPT_WHOLE, &w.contract.knots, "N",
         "scale features by N quantiles of each, 3 to 17 (default 9); 0: by centre and spread", 0, SL_MAX_KNOTS},
        {0, "extras", OPT_CHOICE, &w.contract.extras, "HOW", "redshift and its error as channels or steps, too (default none)", .choices = contract_extras},
        {0, "steps", OPT_WHOLE, &w.contract.steps, "N", "times of the grid (default 100)", 2, SL_MAX_GRID_LENGTH},
        {0, "wavelengths", OPT_WHOLE, &w.contract.wavelengths, "N", "a grid over N even wavelengths in place of the bands", 2, SL_MAX_CHANNELS},
        {0, "no-grid", OPT_FLAG, &w.contract.no_grid, NULL, "no grid: the features alone, for train --net mlp"},
        {0, "nights", OPT_WHOLE, &w.contract.nights, "N", "no grid: the points, a row a night, the last N nights", 1, SL_MAX_GRID_LENGTH},
        {0, "min-points", OPT_WHOLE, &w.contract.min_points, "N", "fewer points are no light curve (default 2)", 1, SL_MAX_POINTS},
        {0, "window", OPT_REAL, &w.contract.window, "DAYS", "points up to so long before and behind the detections; negative: all (default 50)", -1e6, 1e6},

        {'n', "copies", OPT_WHOLE, &w.copies, "N", "changed views of each object beside the whole one (default 0)", 0, SL_MAX_COPIES},
        {0, "alert-share", OPT_REAL, &a->alert_share, "X", "chance of a view to end at a random detection (default 0)", 0, 1},
        {0, "alert-days", OPT_REAL, &a->alert_days, "DAYS", "and how far it looks back; 0: to the beginning (default)", 0, 1e6},
        {0, "drop-points", OPT_REAL, &a->drop_points, "X", "share of points left out, at most (default 0.5)", 0, 1},
        {0, "drop-bands", OPT_REAL, &a->drop_bands, "X", "chance of each band to be left out (default 0)", 0, 1},
        {0, "noise-share", OPT_REAL, &a->noise_share, "X", "chance of a view to have noise added (default 0.5)", 0, 1},
        {0, "noise", OPT_REAL, &a->noise, "X", "and how much, in errors of each point, at most (default 1)", 0, 100},
        {0, "weak-share", OPT_REAL, &a->weak_share, "X", "chance of a view with half of these at most (default 0.125)", 0, 1},
        {0, "dim-share", OPT_REAL, &a->dim_share, "X", "chance of a view to be only dimmed, its errors kept (default 0.125)", 0, 1},
        {0, "dim", OPT_REAL, &a->dim, "X", "and how far in ln(flux), as a normal deviation (default 0.4)", 0, 10},
        {0, "move-share", OPT_REAL, &a->redshift_share, "X", "chance of a view at another redshift, where there is one (default 0)", 0, 1},
        {0, "move-range", OPT_REAL, &a->redshift_range, "X", "and how far in ln(1 + z), at most (default 0.15)", 0, 5},
        {0, "seed", OPT_WHOLE, &w.seed, "N", "of all chance (default 1)", 0, 9e15},

        {0, "half", OPT_FLAG, &w.half, NULL, "store inputs as float16: half the size"},
        {0, "schemas", OPT_TEXT, &w.schemas, "DIR", "schemas of framed messages"},
        {'j', "threads", OPT_WHOLE, &w.threads, "N", "threads; 0: one a core (default)", 0, 256},
        {0, "list-features", OPT_FLAG, &w.list_features, NULL, "print the names of all features, and do nothing"},
        {'q', "quiet", OPT_FLAG, &w.quiet, NULL, "tell nothing but what goes wrong"},
        {.name = NULL},
    };
    int n_operands;
    int code = opts_parse(&about, options, argc, argv, &n_operands);
    if (code != OPTS_GO) return code;
    if (w.list_features) return list_features();
    code = check(&w, n_operands);
    if (code != OPTS_GO) return code;
    w.options.path = w.out;
    w.options.storage = w.half ? SL_DATASET_FLOAT16 : SL_DATASET_FLOAT32;
    w.options.fit_features = w.like == NULL;
    w.options.keep_refused = w.keep_empty || w.like != NULL;
    w.options.threads = (int)w.threads;
    a->copies = (uint32_t)w.copies;
    a->seed = w.seed;
    return prepare(&w, (const char *const *)(argv + 1), (size_t)n_operands);
}
