/* starling compress: a model made small. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "compress_run.h"
#include "opts.h"

static const char *const starts[] = {"linear", "density", "spread", NULL};
static const char *const kinds[] = {"float16", "bfloat16", "int", NULL};
static const char *const codings[] = {"smallest", "rans", "huffman", NULL};

static const manual about = {
    .command = "compress",
    .summary = "make a model small: prune, cluster, quantize, code",
    .operands = "MODEL [--data DATA] -o OUT",
    .text =
        "MODEL is a file, or the name of a model that the program carries. With --data, which starling prepare makes,\n"
        "the network is fine-tuned while its weights become fewer (prune), share few values (cluster), are stored in\n"
        "fewer bits (quantize) and are coded without loss (code); teachers tell it more than the labels do. Without\n"
        "--data the weights are changed as they are, and the steps are quantize,code unless said otherwise.\n\n"
        "What was lost is told on the objects that the data's fold holds back: the paired difference of weighted\n"
        "log-loss with the middle 95 % of its resamples, class by class, and how often both models give the same\n"
        "answer. With --budget 1% a model that lost more is not written, unless the interval holds 0.\n\n"
        "--table tries every combination of the four steps and writes OUT.md, OUT.csv and OUT.svg about them.\n"
        "--keep-units and --keep-heads make the network itself narrower before it is pruned weight by weight: whole units\n"
        "and heads go, those that the loss misses least.\n"
        "--head, --head2, --width, --heads or --hidden make a new, smaller network that the model teaches.\n\n"
        "--search tries such networks: every combination of MODEL's own sizes, of halves and quarters of them, and of\n"
        "shorter grids. Where fewer units are all, they begin with what is left of MODEL's weights, else with new ones.\n"
        "All learn for few epochs, the better third for three times as many, and so on. Those above\n"
        "--most-us, --most-bytes or --budget are out. OUT.md, OUT.csv and OUT.svg tell what the others cost and lose,\n"
        "and which are beaten in all; OUT.starling is the one of the lowest log-loss, with --budget the smallest file.\n"
        "A size that is named stays as it is.",
    .examples = "starling compress big.starling --data data.grids --sparsity 0.9 --budget 1% -o small.starling\n"
                "# no data: eight bits a weight, coded\n"
                "starling compress imported.starling --steps quantize,code -o small.starling\n"
                "# a student half as wide, without training weights away\n"
                "starling compress big.starling --data data.grids --net mlp --head 128 --head2 64 -o student.starling\n"
                "# a network with half of the hidden units, its weights all there\n"
                "starling compress big.starling --data data.grids --steps prune --sparsity 0 --keep-units 50% -o half.starling\n"
                "# which network to take, of at most 6000 bytes and 20 microseconds an answer\n"
                "starling compress big.starling --data data.grids --search --most-bytes 6000 --most-us 20 -o search\n"
                "# what each step is worth\n"
                "starling compress big.starling --data data.grids --table -o compression",
};

static int parse_steps(const char *text, unsigned *steps)
{
    static const struct {
        const char *name;
        unsigned step;
    } names[] = {{"prune", SL_COMPRESS_PRUNE}, {"cluster", SL_COMPRESS_CLUSTER}, {"quantize", SL_COMPRESS_QUANTIZE},
                 {"code", SL_COMPRESS_CODE}, {"none", 0}};
    *steps = 0;
    for (const char *at = text; *at != '\0';) {
        const size_t n = strcspn(at, ",");
        size_t i = 0;
        while (i < 5 && (strlen(names[i].name) != n || strncmp(names[i].name, at, n) != 0)) i++;
        if (i == 5) return opts_wrong(&about, "--steps takes prune, cluster, quantize, code and none, not '%.*s'", (int)n, at);
        *steps |= names[i].step;
        at += n + (at[n] == ',');
    }
    return OPTS_GO;
}

/* "1%" or "0.01". */
static int parse_budget(const char *text, double *budget)
{
    char *end;
    *budget = strtod(text, &end);
    if (end != text && *end == '%') {
        *budget /= 100;
        end++;
    }
    if (end == text || *end != '\0' || !(*budget >= 0 && *budget <= 10)) {
        return opts_wrong(&about, "--budget takes a share of the log-loss (1%%, 0.01), not '%s'", text);
    }
    return OPTS_GO;
}

/* "128,64", "50%", "0.5": of each layer so many, or that share of them; 0 and 100% are all. */
static int parse_units(const char *text, sl_compress_options *o)
{
    const char *at = text;
    o->n_keep_units = 0;
    while (o->n_keep_units < SL_MAX_KEEP_UNITS) {
        char *end;
        double keep = strtod(at, &end);
        const bool share = end != at && *end == '%', good = end != at && keep >= 0 && keep <= (share ? 100 : SL_MAX_UNITS);
        end += share;
        if (!good || (*end != '\0' && *end != ',') || (!share && keep > 1 && keep != floor(keep))) break;
        if (share) keep = keep < 100 ? keep / 100 : 0;
        o->keep_units[o->n_keep_units++] = (float)keep;
        if (*end == '\0') return OPTS_GO;
        at = end + 1;
    }
    return opts_wrong(&about, "--keep-units takes numbers of units or shares (128,64 or 50%%), one or one a layer, not '%s'", text);
}

/* Numbers as the parser has them. */
typedef struct numbers {
    double sparsity, price, prune_from, prune_to, cluster_from, cluster_kept, rate, decay, average, dropout, teach_dropout, soft_share,
        balance, temperature;
    uint64_t features, keep_heads, clusters, clusters_first, clusters_vector, again, bits, folds, fold, epochs, batch, seed, threads,
        resamples, teach, teach_rounds, teach_epochs, head[2], width, heads, hidden, most_bytes, halvings, densities, sizes, rounds;
    int start, quantize, coding;
    bool each, sized[5], chosen;
} numbers;

static numbers numbers_of(const compress_wishes *w)
{
    const sl_compress_options *c = &w->options;
    const sl_train_options *t = &w->train;
    return (numbers){
        .sparsity = (double)c->sparsity, .price = (double)c->price, .prune_from = (double)c->prune_from,
        .prune_to = (double)c->prune_to, .cluster_from = (double)c->cluster_from, .cluster_kept = (double)c->cluster_kept,
        .rate = (double)t->rate, .decay = (double)t->decay, .average = (double)t->average, .dropout = (double)t->drop_head,
        .soft_share = (double)t->soft_share, .features = c->features, .clusters = c->clusters,
        .clusters_first = c->clusters_first, .clusters_vector = c->clusters_vector, .again = c->again, .bits = c->bits,
        .folds = t->folds, .fold = t->fold, .epochs = t->epochs, .batch = t->batch, .seed = t->seed, .threads = t->threads,
        .resamples = 1000, .teach = t->teach, .teach_rounds = t->teach_rounds, .teach_epochs = t->teach_epochs,
        .teach_dropout = (double)t->teach_drop_head, .balance = (double)t->balance, .head = {t->net.head[0], t->net.head[1]}, .width = t->net.width, .heads = t->net.heads,
        .hidden = t->net.hidden, .start = (int)c->start, .quantize = (int)c->quantize, .halvings = 2, .sizes = 27, .rounds = 3,
    };
}

static void grant_search(const numbers *n, compress_wishes *w)
{
    static const unsigned directions[] = {SL_SIZING_HEAD, SL_SIZING_HEAD2, SL_SIZING_WIDTH, SL_SIZING_HEADS, SL_SIZING_HIDDEN};
    w->most_bytes = (uint32_t)n->most_bytes;
    w->rounds = (uint32_t)n->rounds;
    w->sizes = (sl_sizing_options){.directions = SL_SIZING_ALL, .halvings = (uint32_t)n->halvings, .most = (uint32_t)n->sizes,
                                   .densities = (uint32_t)n->densities + 1, .seed = n->seed};
    for (int i = 0; i < 5; i++) w->sizes.directions &= n->sized[i] ? ~directions[i] : SL_SIZING_ALL;
    if (n->chosen) w->sizes.directions &= ~(unsigned)SL_SIZING_FEATURES;
}

static void grant(const numbers *n, compress_wishes *w)
{
    sl_compress_options *c = &w->options;
    sl_train_options *t = &w->train;
    c->sparsity = (float)n->sparsity;
    c->global = !n->each;
    c->price = (float)n->price;
    c->prune_from = (float)n->prune_from;
    c->prune_to = (float)n->prune_to;
    c->cluster_from = (float)n->cluster_from;
    c->cluster_kept = (float)n->cluster_kept;
    c->features = (uint32_t)n->features;
    c->keep_heads = (uint32_t)n->keep_heads;
    c->clusters = (uint32_t)n->clusters;
    c->clusters_first = (uint32_t)n->clusters_first;
    c->clusters_vector = (uint32_t)n->clusters_vector;
    c->again = (uint32_t)n->again;
    c->bits = (uint32_t)n->bits;
    c->start = (sl_cluster_start)n->start;
    c->quantize = (sl_quantize_kind)n->quantize;
    c->coding = (sl_compress_coding)n->coding;
    c->seed = n->seed;
    for (int i = 0; i < 5; i++) c->student = c->student || n->sized[i];
    t->rate = (float)n->rate;
    t->decay = (float)n->decay;
    t->average = (float)n->average;
    t->drop_head = t->drop_encoder = (float)n->dropout;
    t->soft_share = (float)n->soft_share;
    t->balance = (float)n->balance;
    t->temperature = (float)n->temperature;
    t->folds = (uint32_t)n->folds;
    t->fold = (uint32_t)n->fold;
    t->epochs = (uint32_t)n->epochs;
    t->batch = (uint32_t)n->batch;
    t->seed = n->seed;
    t->threads = (uint32_t)n->threads;
    t->teach = (uint32_t)n->teach;
    t->teach_rounds = (uint32_t)n->teach_rounds;
    t->teach_epochs = (uint32_t)n->teach_epochs;
    t->teach_drop_head = (float)n->teach_dropout;
    for (int i = 0; i < 2; i++) t->net.head[i] = (uint32_t)n->head[i];
    t->net.width = (uint32_t)n->width;
    t->net.heads = (uint32_t)n->heads;
    t->net.hidden = (uint32_t)n->hidden;
    w->resamples = (uint32_t)n->resamples;
    grant_search(n, w);
}

/* The value of --net among the words: the sizes' defaults depend on it. */
static const char *look_for_net(int argc, char **argv)
{
    const char *net = "mlp";
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--net=", 6) == 0) net = argv[i] + 6;
        if (strcmp(argv[i], "--net") == 0 && i + 1 < argc) net = argv[i + 1];
    }
    return net;
}

static int check(const compress_wishes *w, int n_operands)
{
    if (n_operands != 1) return opts_wrong(&about, "give one model");
    if (w->out == NULL) return opts_wrong(&about, w->table || w->search ? "give -o OUT, the beginning of the files' names" : "give -o OUT, the file to write");
    if (w->data == NULL && w->budget >= 0) return opts_wrong(&about, "--budget needs --data");
    const bool units = w->options.n_keep_units > 0 || w->options.keep_heads > 0;
    if (units && (w->options.steps & SL_COMPRESS_PRUNE) == 0) {
        return opts_wrong(&about, "--keep-units and --keep-heads are part of the step prune");
    }
    if (units && w->options.student) return opts_wrong(&about, "a student has the units that it is given");
    if (units && w->search) return opts_wrong(&about, "--search tries numbers of units and heads itself: --head, --hidden, --heads fix one");
    if (w->no_tuning && (w->data == NULL || w->options.student || w->search)) {
        return opts_wrong(&about, "--no-tuning goes with --data, and not with a student or a search");
    }
    if (w->data == NULL && w->options.student) return opts_wrong(&about, "a student needs --data to learn from");
    if (w->train.folds == 1) return opts_wrong(&about, "with one fold nothing is left to learn from");
    if (w->train.folds > 0 && w->train.fold >= w->train.folds) {
        return opts_wrong(&about, "fold %u of %u: they count from 0", w->train.fold, w->train.folds);
    }
    if (w->train.folds == 0 && (w->budget >= 0 || w->table || w->search)) {
        return opts_wrong(&about, "--budget, --table and --search need a fold to judge on");
    }
    if (w->search && w->table) return opts_wrong(&about, "--search or --table, one of them");
    if (w->search && w->data == NULL) return opts_wrong(&about, "--search needs --data to learn from");
    if (!w->search && (w->most_bytes > 0 || w->most_us > 0 || w->shorter != NULL)) {
        return opts_wrong(&about, "--most-bytes, --most-us and --shorter go with --search");
    }
    return OPTS_GO;
}

static int parse(int argc, char **argv, compress_wishes *w)
{
    const char *net = look_for_net(argc, argv), *steps = NULL, *budget = NULL, *units = NULL;
    sl_error err;
    sl_compress_defaults(&w->options);
    if (sl_compress_recipe(net, &w->train, &err) < 0) return opts_wrong(&about, "%s", err.message);
    numbers n = numbers_of(w);
    const opt options[] = {
        {'o', "out", OPT_TEXT, &w->out, "OUT", "the model file to write; with --table or --search OUT.md, OUT.csv, OUT.svg"},
        {0, "data", OPT_TEXT, &w->data, "DATA", "prepared data to fine-tune and to judge on"},
        {0, "no-tuning", OPT_FLAG, &w->no_tuning, NULL, "the data judge only: the weights are changed as they are"},
        {0, "steps", OPT_TEXT, &steps, "LIST", "of prune,cluster,quantize,code (default all; without data quantize,code)"},
        {0, "budget", OPT_TEXT, &budget, "SHARE", "refuse a model that loses more of the log-loss, as 1% or 0.01"},
        {0, "table", OPT_FLAG, &w->table, NULL, "every combination of the steps"},
        {0, "search", OPT_FLAG, &w->search, NULL, "smaller networks, and what each costs and loses; the next seven options go with it"},
        {0, "most-bytes", OPT_WHOLE, &n.most_bytes, "N", "search: of the file; 0: any (default)", 0, 1000000000},
        {0, "most-us", OPT_REAL, &w->most_us, "X", "search: microseconds an answer; 0: any (default)", 0, 1e9},
        {0, "halvings", OPT_WHOLE, &n.halvings, "N", "search: from each size of MODEL down to a 2^N-th of it (default 2)", 0, SL_SIZING_MOST_HALVINGS},
        {0, "densities", OPT_WHOLE, &n.densities, "N", "search: also with 2, 4 .. 2^N times as many weights as --sparsity leaves (default 0)", 0, SL_SIZING_MOST_HALVINGS},
        {0, "sizes", OPT_WHOLE, &n.sizes, "N", "search: begin with so many sizes, drawn where there are more (default 27)", 2, 100000},
        {0, "rounds", OPT_WHOLE, &n.rounds, "N", "search: the last one has --epochs, each before it a third of the next (default 3)", 1, 6},
        {0, "shorter", OPT_TEXT, &w->shorter, "DATA,...", "search: the same rows prepared with fewer --steps (default: every k-th time of the data, "
                                                          "where that is the same)"},
        {0, "teacher", OPT_TEXT, &w->teachers, "MODEL,...", "taught by the mean of these models, files or carried"},
        {0, "ledger", OPT_TEXT, &w->ledger, "FILE", "append a line of JSON about each model"},
        {'j', "threads", OPT_WHOLE, &n.threads, "N", "threads; 0: one a core (default)", 0, 1024},
        {0, "seed", OPT_WHOLE, &n.seed, "N", "of all chance (default 1)", 0, 1e18},
        {'q', "quiet", OPT_FLAG, &w->quiet, NULL, "no progress"},

        {0, "sparsity", OPT_REAL, &n.sparsity, "X", "prune: share of weights that become 0 (default 0.7)", 0, 0.999},
        {0, "each", OPT_FLAG, &n.each, NULL, "prune: that share of each matrix, not of all together"},
        {0, "features", OPT_WHOLE, &n.features, "N", "prune: keep the N most telling input values beside the grid; 0: all (default)", 0, 320, .given = &n.chosen},
        {0, "keep-units", OPT_TEXT, &units, "LIST", "prune: first take out whole hidden units, so that N of each layer stay, or a share as "
                                                    "50%; with commas one for each layer; 0: all (default)"},
        {0, "keep-heads", OPT_WHOLE, &n.keep_heads, "N", "prune: first take out attention heads, N of each encoder stay; 0: all (default)", 0, 4096},
        {0, "prune-from", OPT_REAL, &n.prune_from, "X", "prune: from this share of the run (default 0.05)", 0, 1},
        {0, "prune-to", OPT_REAL, &n.prune_to, "X", "prune: to this (default 0.45)", 0, 1},
        {0, "clusters", OPT_WHOLE, &n.clusters, "N", "cluster: values of a matrix, 0 among them (default 8)", 2, 256},
        {0, "clusters-first", OPT_WHOLE, &n.clusters_first, "N", "cluster: of the first matrix; 0: as the others (default)", 0, 256},
        {0, "clusters-vector", OPT_WHOLE, &n.clusters_vector, "N", "cluster: of biases and norms; 0: not clustered (default 4)", 0, 256},
        {0, "start", OPT_CHOICE, &n.start, "NAME", "cluster: k-means begins linear (default), by density, or spread (k-means++)", 0, 0, starts},
        {0, "price", OPT_REAL, &n.price, "X", "cluster: of a bit, in mean squares of the weights: rate-distortion (default 0)", 0, 10},
        {0, "cluster-from", OPT_REAL, &n.cluster_from, "X", "cluster: from this share of the run (default 0.7)", 0, 1},
        {0, "cluster-kept", OPT_REAL, &n.cluster_kept, "X", "cluster: which weight belongs where is kept from here (default 0.85)", 0, 1},
        {0, "again", OPT_WHOLE, &n.again, "N", "steps between two choices of zeros and clusters (default 50)", 1, 1000000},
        {0, "quantize", OPT_CHOICE, &n.quantize, "NAME", "quantize: what is not clustered as float16, bfloat16 or int (default)", 0, 0, kinds},
        {0, "bits", OPT_WHOLE, &n.bits, "N", "quantize: of int, each row with its scale (default 8)", 2, 8},
        {0, "aware", OPT_FLAG, &w->options.aware, NULL, "quantize: fine-tune with the rounded values"},
        {0, "coding", OPT_CHOICE, &n.coding, "NAME", "code: smallest (default), rans, or huffman", 0, 0, codings},

        {0, "epochs", OPT_WHOLE, &n.epochs, "N", "of fine-tuning (default 150)", 1, 100000},
        {0, "batch", OPT_WHOLE, &n.batch, "N", "objects a step (default 64)", 1, 65536},
        {0, "rate", OPT_REAL, &n.rate, "X", "learning rate (default 2e-3)", 1e-9, 10},
        {0, "decay", OPT_REAL, &n.decay, "X", "of weights (default 0.03)", 0, 10},
        {0, "average", OPT_REAL, &n.average, "X", "what the weights' average keeps in a step (default 0.998)", 0, 0.999999},
        {0, "dropout", OPT_REAL, &n.dropout, "X", "(default 0.05)", 0, 0.95},
        {0, "soft-share", OPT_REAL, &n.soft_share, "X", "of the loss that is the teacher's (default 0.3; t2 0.5)", 0, 1},
        {0, "balance", OPT_REAL, &n.balance, "X", "an object's weight goes as (objects of its class)^-X: 1 counts classes alike (default 0)", 0, 2},
        {0, "teach", OPT_WHOLE, &n.teach, "K", "first train K teachers, each on all but one part of the objects to learn from; 0: MODEL "
                                               "teaches (default 4; t2 0)", 0, 64},
        {0, "teach-rounds", OPT_WHOLE, &n.teach_rounds, "R", "each so many times, and their mean teaches (default 1)", 1, 1000},
        {0, "teach-epochs", OPT_WHOLE, &n.teach_epochs, "N", "of a teacher (default 80; mlp 60)", 1, 100000},
        {0, "teach-dropout", OPT_REAL, &n.teach_dropout, "X", "of a teacher (default 0.2; mlp 0.5)", 0, 0.95},
        {0, "temperature", OPT_REAL, &n.temperature, "X", "of the small model; 0: fitted to the fold held back, and MODEL's where none is (default)", 0, 20},
        {0, "folds", OPT_WHOLE, &n.folds, "K", "hold back one of K parts of the objects; 0: none (default 5)", 0, 1000},
        {0, "fold", OPT_WHOLE, &n.fold, "I", "which part, from 0: the one that MODEL did not learn from (default 0)", 0, 999},
        {0, "exclude", OPT_TEXT, &w->exclude, "FILE", "leave out the objects whose ids are in FILE"},
        {0, "only", OPT_TEXT, &w->only, "FILE", "take no objects but those whose ids are in FILE"},
        {0, "resamples", OPT_WHOLE, &n.resamples, "N", "for the interval (default 1000)", 10, 100000},

        {0, "net", OPT_TEXT, &net, "NAME", "of the teachers and of a student: their network (default mlp)"},
        {0, "head", OPT_WHOLE, &n.head[0], "N", "student: units of the first dense layer", 0, 4096, .given = &n.sized[0]},
        {0, "head2", OPT_WHOLE, &n.head[1], "N", "student: and of the second", 0, 4096, .given = &n.sized[1]},
        {0, "width", OPT_WHOLE, &n.width, "N", "student: channels", 1, 4096, .given = &n.sized[2]},
        {0, "heads", OPT_WHOLE, &n.heads, "N", "student: of attention", 1, 4096, .given = &n.sized[3]},
        {0, "hidden", OPT_WHOLE, &n.hidden, "N", "student: of the feed-forward", 1, 16384, .given = &n.sized[4]},
        {.name = NULL},
    };
    int n_operands;
    int code = opts_parse(&about, options, argc, argv, &n_operands);
    if (code != OPTS_GO) return code;
    grant(&n, w);
    w->options.steps = w->data != NULL ? SL_COMPRESS_ALL : SL_COMPRESS_QUANTIZE | SL_COMPRESS_CODE;
    if (steps != NULL) code = parse_steps(steps, &w->options.steps);
    if (code == OPTS_GO && units != NULL) code = parse_units(units, &w->options);
    if (code == OPTS_GO && budget != NULL) code = parse_budget(budget, &w->budget);
    if (code == OPTS_GO) code = check(w, n_operands);
    if (code == OPTS_GO) w->model = argv[1];
    return code;
}

int cmd_compress(int argc, char **argv)
{
    compress_wishes w = {.budget = -1};
    const int code = parse(argc, argv, &w);
    return code == OPTS_GO ? compress_run_all(&w) : code;
}
