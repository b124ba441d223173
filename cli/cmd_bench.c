/* starling bench: how fast is it here? */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "commands.h"
#include "opts.h"

static const manual about = {
    .command = "bench",
    .summary = "measure every stage on this machine",
    .operands = "[PATH...]",
    .text =
        "Measures the way from bytes to records stage by stage on one core: decoding, light curve, Gaussian process,\n"
        "network, and all of it together; the fit by the number of points; each step of the network, with its share of\n"
        "what the core can do; opening the model, and a whole process for one alert. A PATH holds packets (Avro\n"
        "containers, in a folder or a plain tar) or anything else that starling reads, of which the stages behind the\n"
        "decoder are measured; without one a night is made up. Without a model the network's stages are left out.\n"
        "\n"
        "p50 and p99 are by the clock on the wall, alerts/core-s by that of the processor: others on the same machine\n"
        "disturb these less.",
    .examples = "starling bench -m model.starling\n"
                "# real packets, longer, for a program to read\n"
                "starling bench -m model.starling -n 9 --json night/ > bench.json\n"
                "# as on a processor without AVX-512\n"
                "STARLING_CPU=avx2 starling bench -m model.starling",
};

/* "gri", in any order, each once. */
static bool are_bands(const char *bands)
{
    static const char known[] = "ugrizy";
    for (const char *b = bands; *b != '\0'; b++) {
        if (strchr(known, *b) == NULL || strchr(b + 1, *b) != NULL) return false;
    }
    return bands[0] != '\0';
}

int cmd_bench(int argc, char **argv)
{
    bench_options o = {.clock = {.rounds = 3, .seconds = 0.2}, .night_alerts = 2000};
    uint64_t rounds = 3, threads = 0;
    bool json = false;
    const opt options[] = {
        {'m', "model", OPT_TEXT, &o.model, "MODEL", "the model file, as starling import writes it"},
        {'n', "rounds", OPT_WHOLE, &rounds, "N", "times that each stage is measured; 3 unless given", 1, 99},
        {'t', "seconds", OPT_REAL, &o.clock.seconds, "SECONDS", "how long each time, at least; 0.2 unless given", 0, 600},
        {'j', "threads", OPT_WHOLE, &threads, "THREADS", "workers of the last stage; one a core unless given", 1, 1024},
        {0, "alerts", OPT_WHOLE, &o.n_alerts, "N", "make up so many (300 unless given), or take no more of the PATHs", 1,
         1e6},
        {0, "night", OPT_WHOLE, &o.night_alerts, "N", "alerts in the tar of the last stages; 2000 unless given", 1, 1e6},
        {0, "bands", OPT_TEXT, &o.bands, "BANDS",
         "without a model: the contract's bands, of ugrizy; the published recipe's g and r unless given"},
        {0, "warm-only", OPT_FLAG, &o.warm_only, NULL, "start no other processes"},
        {0, "json", OPT_FLAG, &json, NULL, "for programs: one JSON object on one line"},
        {.name = NULL},
    };
    int n_paths;
    int code = opts_parse(&about, options, argc, argv, &n_paths);
    if (code != OPTS_GO) return code;
    if (o.bands != NULL && o.model != NULL) return opts_wrong(&about, "--bands goes without a model: -m has its own");
    if (o.bands != NULL && !are_bands(o.bands)) return opts_wrong(&about, "--bands are of ugrizy; not '%s'", o.bands);
    o.clock.rounds = (int)rounds;
    o.threads = (int)threads;
    o.paths = (const char *const *)(argv + 1);
    o.n_paths = (size_t)n_paths;
    bench_report *report = calloc(1, sizeof *report);
    if (report == NULL) {
        fprintf(stderr, "starling bench: out of memory\n");
        return EXIT_INTERNAL;
    }
    report->peak_flops = NAN;
    bench_run_cold(&o, &report->cold);
    code = bench_run(&o, report);
    if (code == EXIT_WELL) (json ? bench_show_json : bench_show_text)(stdout, report);
    free(report);
    return code;
}
