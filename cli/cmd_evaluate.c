/* starling evaluate: how good a model is on prepared light curves. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "evaluate.h"
#include "opts.h"

static const manual about = {
    .command = "evaluate",
    .summary = "how good a model is on light curves whose classes are known",
    .operands = "DATA",
    .text =
        "DATA is what starling prepare makes, under the contract of the model. Prints weighted log-loss, accuracy, F1,\n"
        "areas under curves and calibration with an interval that 1000 resamples of the objects give, the same by class,\n"
        "the confusion of classes, and how it all goes with the number of points and the days since the first detection.\n"
        "Where an object has more views than one, they are judged apart from the whole light curves, and always drawn\n"
        "together. --report makes a page with plots; --against compares with another model on the same objects.\n\n"
        "A model is to be judged on objects that it was not trained on: --fold takes those that starling train\n"
        "--fold held back, --only and --exclude take lists. K models with commas between them are those of K folds, from\n"
        "fold 0 on: each answers on the objects that it was not trained on, and all answers are judged together. docs/evaluate.md tells how each figure is computed.",
    .examples = "starling evaluate -m t2.starling data.grids --fold 0\n"
                "starling evaluate -m t2.starling data.grids --only test.csv --report t2.html\n"
                "# five folds, each trained with --fold I: figures of all objects\n"
                "starling evaluate -m f0.starling,f1.starling,f2.starling,f3.starling,f4.starling data.grids\n"
                "# is the new one better?\n"
                "starling evaluate -m new.starling --against old.starling data.grids --fold 0\n"
                "starling evaluate -m t2.starling data.grids --json | jq .models[0].whole.figures.log_loss",
};

static int tell_file(const char *path, const evaluation *e, void (*tell)(FILE *to, const evaluation *e))
{
    if (path == NULL) return EXIT_WELL;
    FILE *out = open_out(about.command, path);
    if (out == NULL) return EXIT_IO;
    tell(out, e);
    return close_out(about.command, path, out);
}

static int tell(const evaluation *e)
{
    const evaluate_wishes *w = e->wishes;
    if (w->json) {
        evaluate_tell_json(stdout, e);
    } else {
        evaluate_tell_text(stdout, e);
    }
    const int code = tell_file(w->answers, e, evaluate_tell_answers);
    return code == EXIT_WELL ? tell_file(w->report, e, evaluate_tell_html) : code;
}

int cmd_evaluate(int argc, char **argv)
{
    evaluate_wishes w = {.folds = 5, .resamples = 1000, .seed = 1};
    bool has_folds = false;
    const opt options[] = {
        {'m', "model", OPT_TEXT, &w.model, "MODEL", "the model, a file or the name of one that the program carries; or one a fold, MODEL,MODEL,..."},
        {0, "data", OPT_TEXT, &w.data, "DATA", "the same as DATA without the option's name"},
        {0, "against", OPT_TEXT, &w.against, "MODEL", "another model to compare with, on the same objects"},
        {0, "fold", OPT_WHOLE, &w.fold, "I", "only the objects of this fold, from 0", 0, 999, .given = &w.has_fold},
        {0, "folds", OPT_WHOLE, &w.folds, "K", "of so many (default 5)", 2, 1000, .given = &has_folds},
        {0, "only", OPT_TEXT, &w.only, "FILE", "take no objects but those whose ids are in FILE"},
        {0, "exclude", OPT_TEXT, &w.exclude, "FILE", "leave out the objects whose ids are in FILE"},
        {0, "strangers", OPT_TEXT, &w.strangers, "FILE", "the objects whose ids are in FILE are of no class, whatever their label is"},
        {0, "report", OPT_TEXT, &w.report, "FILE.html", "write a page with plots; it needs no other file"},
        {0, "answers", OPT_TEXT, &w.answers, "FILE.csv", "write what the (first) model answers on each light curve; train --soft reads it"},
        {0, "json", OPT_FLAG, &w.json, NULL, "for programs: one JSON object on one line"},
        {0, "resamples", OPT_WHOLE, &w.resamples, "N", "for the intervals; 0: none (default 1000)", 0, 100000},
        {0, "seed", OPT_WHOLE, &w.seed, "N", "of the resamples (default 1)", 0, 1e18},
        {'j', "threads", OPT_WHOLE, &w.threads, "N", "threads; 0: one a core (default)", 0, 1024},
        {.name = NULL},
    };
    int n_operands;
    int code = opts_parse(&about, options, argc, argv, &n_operands);
    if (code != OPTS_GO) return code;
    if (n_operands > 1 || (n_operands == 1 && w.data != NULL)) return opts_wrong(&about, "give one file of data");
    if (n_operands == 1) w.data = argv[1];
    if (w.model == NULL) return opts_wrong(&about, "give a model: -m MODEL");
    if (w.data == NULL) return opts_wrong(&about, "give a file of prepared data");
    if (w.has_fold && w.fold >= w.folds) return opts_wrong(&about, "fold %d of %d: they count from 0", (int)w.fold, (int)w.folds);
    const bool listed = strchr(w.model, ',') != NULL || (w.against != NULL && strchr(w.against, ',') != NULL);
    if (listed && (w.has_fold || has_folds)) return opts_wrong(&about, "several models are those of all folds: leave out --fold and --folds");
    evaluation *e = calloc(1, sizeof *e);
    if (e == NULL) {
        fprintf(stderr, "starling evaluate: out of memory\n");
        return EXIT_INTERNAL;
    }
    code = evaluate_gather(&w, e);
    if (code == EXIT_WELL) code = tell(e);
    evaluate_release(e);
    free(e);
    return code;
}
