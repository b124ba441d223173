/* starling simulate: a night of alerts, made up. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "opts.h"

static const char *const surveys[] = {"ztf", "lsst", NULL};
static const char *const forms[] = {"tar", "container", "framed", NULL};

static const manual about = {
    .command = "simulate",
    .summary = "make up a night of alerts",
    .operands = "-o PATH",
    .text =
        "Makes objects of eleven kinds, from supernovae to variable stars, looks at them with a survey's cadence and\n"
        "noise, and writes the alerts in packets of the survey's layout and size. The same options give the same bytes.\n"
        "For demonstrations, tests and benchmarks; nothing here is fit to train a model on.",
    .examples = "starling simulate -o night.tar\n"
                "# a million LSST alerts, not stored\n"
                "starling simulate -s lsst -n 1000000 -o - | starling classify -m model.starling -o night.csv -\n"
                "# one packet in ten broken in some way, and the truth beside\n"
                "starling simulate --hostile 0.1 --truth truth.csv -o night.tar",
};

/* What was made, in a line. */
static void tell(const char *path, const sl_simulate_counts *counts)
{
    char n[32], size[32], broken[32];
    const uint64_t n_broken = counts->n_alerts - counts->fault[SL_FAULT_NONE];
    fprintf(stderr, "%s: %s alerts, %s", path, show_count(counts->n_alerts, n), show_bytes(counts->n_bytes, size));
    if (n_broken > 0) fprintf(stderr, ", %s broken on purpose", show_count(n_broken, broken));
    fputc('\n', stderr);
}

static int write_night(const sl_simulate_options *options, const char *path, const char *truth_path, bool quiet)
{
    FILE *truth = NULL, *out = open_out(about.command, path);
    if (out == NULL) return EXIT_IO;
    int code = EXIT_WELL;
    if (truth_path != NULL && (truth = open_out(about.command, truth_path)) == NULL) code = EXIT_IO;
    sl_simulate_counts counts;
    sl_error err;
    if (code == EXIT_WELL && sl_simulate_write_truth(options, out, truth, &counts, &err) < 0) {
        code = say_failed(about.command, NULL, &err);
    }
    const int closed = close_out(about.command, path, out);
    const int closed_truth = truth != NULL ? close_out(about.command, truth_path, truth) : EXIT_WELL;
    if (code == EXIT_WELL) code = closed != EXIT_WELL ? closed : closed_truth;
    if (code == EXIT_WELL && !quiet && out != stdout) tell(path, &counts);
    return code;
}

int cmd_simulate(int argc, char **argv)
{
    sl_simulate_options night;
    sl_simulate_defaults(&night);
    const char *out = NULL, *truth = NULL;
    int survey = 0, form = 0;
    bool no_cutouts = false, print_schema = false, quiet = false;
    uint64_t points[2] = {0, 0};
    const opt options[] = {
        {'o', "output", OPT_TEXT, &out, "PATH", "the file to write; - for standard output"},
        {'n', "alerts", OPT_WHOLE, &night.n_alerts, "N", "how many alerts; 1000 unless given", 1, 16e6},
        {'s', "survey", OPT_CHOICE, &survey, "SURVEY", "ztf (unless given) or lsst", .choices = surveys},
        {0, "form", OPT_CHOICE, &form, "FORM",
         "tar: one container an alert, as ZTF publishes a night (unless given); container: one with all alerts; "
         "framed: LSST's Kafka messages in a tar, to be read with their --print-schema under --schemas",
         .choices = forms},
        {0, "seed", OPT_WHOLE, &night.seed, "N", "another seed is another night; 1 unless given", 0, 9e15},
        {0, "points", OPT_SPAN, points, "MIN:MAX", "detections an alert; the survey's own unless given", 1, 100000},
        {0, "hostile", OPT_REAL, &night.hostile_share, "SHARE", "chance of each packet to be broken on purpose", 0, 1},
        {0, "no-cutouts", OPT_FLAG, &no_cutouts, NULL, "leave out the image stamps"},
        {0, "truth", OPT_TEXT, &truth, "CSV", "write what each alert is: alert_id,object_id,kind,fault"},
        {0, "print-schema", OPT_FLAG, &print_schema, NULL, "print the packets' Avro schema, and make nothing"},
        {'q', "quiet", OPT_FLAG, &quiet, NULL, "do not tell what was made"},
        {.name = NULL},
    };
    int n_operands;
    const int code = opts_parse(&about, options, argc, argv, &n_operands);
    if (code != OPTS_GO) return code;
    night.survey = (sl_simulate_survey)survey;
    night.form = (sl_simulate_form)form;
    night.cutouts = !no_cutouts;
    night.min_points = (uint32_t)points[0];
    night.max_points = (uint32_t)points[1];
    if (print_schema) {
        const sl_str schema = sl_simulate_schema(night.survey);
        fwrite(schema.ptr, 1, schema.len, stdout);
        return close_out(about.command, "-", stdout);
    }
    if (n_operands > 0) return opts_wrong(&about, "'%s' is no option; the file to write goes behind -o", argv[1]);
    if (out == NULL) return opts_wrong(&about, "give -o PATH, the file to write");
    if (strcmp(out, "-") == 0 && isatty(STDOUT_FILENO)) return opts_wrong(&about, "packets are not for terminals");
    if (night.form == SL_SIMULATE_FRAMED_TAR && night.survey != SL_SIMULATE_LSST) {
        return opts_wrong(&about, "only LSST's messages are framed: add -s lsst");
    }
    return write_night(&night, out, truth, quiet);
}
