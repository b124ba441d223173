/* starling train: a model from prepared data. */
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "opts.h"
#include "train_run.h"

static const char *const optimizers[] = {"adamw", "adam", NULL};
static const char *const novelties[] = {"none", "nearest", "answer", "energy", "relative", NULL}; /* by sl_novelty_kind */
static const char *const schedules[] = {"cosine", "plateau", "constant", NULL};

static const manual about = {
    .command = "train",
    .summary = "train a network on prepared light curves",
    .operands = "DATA -o MODEL",
    .text =
        "DATA is what starling prepare makes. Without any option the network is t2 and the recipe the best one known\n"
        "here: AdamW with warm-up and a cosine, the gradient clipped, dropout, the exponential average of the weights,\n"
        "every class as important as the others. One fifth of the objects, chosen by a hash of their names, is not\n"
        "learned from: after each epoch they tell how good the network is, and the model written is the best one.\n\n"
        "The same data, options and seed give the same bytes, whatever the number of threads and however often the run\n"
        "was stopped and resumed. A long option can stand in the file of --config as well, one a line: \"epochs = 40\";\n"
        "what the command line says counts more.",
    .examples = "starling train night.grids -o t2.starling\n"
                "# all objects, for a fixed number of epochs\n"
                "starling train data.grids --folds 0 --epochs 60 -o t2.starling\n"
                "# the second of five folds, a wider network, to be stopped and resumed\n"
                "starling train data.grids --fold 1 --width 64 --checkpoint run.ckpt --resume -o wide.starling\n"
                "# go on from a model with other data\n"
                "starling train ztf.grids --init t2.starling --rate 2e-4 --epochs 15 -o ztf.starling\n"
                "# dense layers on features, taught by four networks that never saw what they teach: the best for whole curves\n"
                "starling train features.data --net mlp -o mlp.starling\n"
                "# learn from other models beside the labels\n"
                "starling train data.grids --teacher a.starling,b.starling -o small.starling",
};

/* Numbers as the parser has them. */
typedef struct wishes {
    double balance, prior, smoothing, soft_share, soft_temperature, rate, beta1, beta2, decay, clip, warmup, final_rate,
        plateau_factor, average, drop_encoder, drop_head;
    uint64_t width, heads, hidden, blocks, kernel, head[2], folds, fold, plateau_epochs, epochs, batch, patience, seed, threads;
    uint64_t teach, teach_rounds, teach_epochs;
    double teach_dropout;
    int optimizer, schedule, novelty;
    bool uncalibrated;
    double temperature;
} wishes;

static wishes wishes_of(const sl_train_options *o)
{
    return (wishes){
        .balance = (double)o->balance, .prior = (double)o->prior, .smoothing = (double)o->smoothing, .soft_share = (double)o->soft_share,
        .soft_temperature = (double)o->soft_temperature, .rate = (double)o->rate, .beta1 = (double)o->beta1,
        .beta2 = (double)o->beta2, .decay = (double)o->decay, .clip = (double)o->clip, .warmup = (double)o->warmup,
        .final_rate = (double)o->final, .plateau_factor = (double)o->plateau_factor, .average = (double)o->average,
        .drop_encoder = (double)o->drop_encoder, .drop_head = (double)o->drop_head, .width = o->net.width,
        .heads = o->net.heads, .hidden = o->net.hidden, .blocks = o->net.blocks, .kernel = o->net.kernel,
        .head = {o->net.head[0], o->net.head[1]}, .folds = o->folds, .fold = o->fold, .plateau_epochs = o->plateau_epochs,
        .epochs = o->epochs, .batch = o->batch, .patience = o->patience, .seed = o->seed, .threads = o->threads,
        .teach = o->teach, .teach_rounds = o->teach_rounds, .teach_epochs = o->teach_epochs, .teach_dropout = (double)o->teach_drop_head,
        .optimizer = (int)o->optimizer, .schedule = (int)o->schedule, .novelty = o->novelty,
    };
}

static void grant(const wishes *w, sl_train_options *o)
{
    o->balance = (float)w->balance;
    o->prior = (float)w->prior;
    o->smoothing = (float)w->smoothing;
    o->soft_share = (float)w->soft_share;
    o->soft_temperature = (float)w->soft_temperature;
    o->rate = (float)w->rate;
    o->beta1 = (float)w->beta1;
    o->beta2 = (float)w->beta2;
    o->decay = (float)w->decay;
    o->clip = (float)w->clip;
    o->warmup = (float)w->warmup;
    o->final = (float)w->final_rate;
    o->plateau_factor = (float)w->plateau_factor;
    o->average = (float)w->average;
    o->drop_encoder = (float)w->drop_encoder;
    o->drop_head = (float)w->drop_head;
    o->net.width = (uint32_t)w->width;
    o->net.heads = (uint32_t)w->heads;
    o->net.hidden = (uint32_t)w->hidden;
    o->net.blocks = (uint32_t)w->blocks;
    o->net.kernel = (uint32_t)w->kernel;
    for (int i = 0; i < 2; i++) o->net.head[i] = (uint32_t)w->head[i];
    o->folds = (uint32_t)w->folds;
    o->fold = (uint32_t)w->fold;
    o->plateau_epochs = (uint32_t)w->plateau_epochs;
    o->epochs = (uint32_t)w->epochs;
    o->batch = (uint32_t)w->batch;
    o->patience = (uint32_t)w->patience;
    o->seed = w->seed;
    o->threads = (uint32_t)w->threads;
    o->optimizer = (sl_optimizer)w->optimizer;
    o->schedule = (sl_schedule)w->schedule;
    o->teach = (uint32_t)w->teach;
    o->teach_rounds = (uint32_t)w->teach_rounds;
    o->teach_epochs = (uint32_t)w->teach_epochs;
    o->teach_drop_head = (float)w->teach_dropout;
    o->novelty = w->novelty;
    o->calibrate = !w->uncalibrated;
    o->temperature = (float)w->temperature;
}

/* The value of --name among the words, or NULL: what other defaults depend on is looked for before. */
static const char *look_for(const char *name, int argc, char **argv)
{
    const size_t n = strlen(name);
    const char *found = NULL;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0 || strncmp(argv[i] + 2, name, n) != 0) continue;
        if (argv[i][2 + n] == '=') found = argv[i] + 3 + n;
        if (argv[i][2 + n] == '\0' && i + 1 < argc) found = argv[i + 1];
    }
    return found;
}

static int parse(int argc, char **argv, train_wishes *t)
{
    sl_train_options *o = &t->options;
    const char *net = look_for("net", argc, argv);
    sl_error err;
    if (sl_train_defaults(net != NULL ? net : "t2", o, &err) < 0) return opts_wrong(&about, "%s", err.message);
    const char *teach = look_for("teach", argc, argv);
    if (look_for("init", argc, argv) != NULL || (teach != NULL && strtoul(teach, NULL, 10) == 0)) sl_train_untaught(o);
    if (look_for("teacher", argc, argv) != NULL || look_for("soft", argc, argv) != NULL) o->teach = 0;
    wishes w = wishes_of(o);
    const opt options[] = {
        {'o', "out", OPT_TEXT, &t->out, "MODEL", "the model file to write"},
        {0, "net", OPT_TEXT, &net, "NAME", "the network: t2 (default), gru, lstm, tcn, cnn, or mlp, dense layers on the features (see prepare --no-grid)"},
        {0, "init", OPT_TEXT, &t->init, "MODEL", "go on from this model's network instead of a new one; a file, or the name of a model that the program carries"},
        {0, "config", OPT_TEXT, &t->config, "FILE", "options from a file, \"name = value\" a line"},
        {'j', "threads", OPT_WHOLE, &w.threads, "N", "threads; 0: one a core (default)", 0, 1024},
        {0, "seed", OPT_WHOLE, &w.seed, "N", "of all chance (default 1)", 0, 1e18},
        {'q', "quiet", OPT_FLAG, &t->quiet, NULL, "no progress"},

        {0, "folds", OPT_WHOLE, &w.folds, "K", "hold back one of K parts of the objects; 0: none, all epochs (default 5)", 0, 1000},
        {0, "fold", OPT_WHOLE, &w.fold, "I", "which part, from 0 (default 0)", 0, 999},
        {0, "views", OPT_FLAG, &o->views, NULL, "validate on all views of an object, not on whole light curves alone"},
        {0, "exclude", OPT_TEXT, &t->exclude, "FILE", "leave out the objects whose ids are in FILE"},
        {0, "only", OPT_TEXT, &t->only, "FILE", "take no objects but those whose ids are in FILE"},

        {0, "epochs", OPT_WHOLE, &w.epochs, "N", "each object once, in one of its views (default 80)", 1, 100000},
        {0, "batch", OPT_WHOLE, &w.batch, "N", "objects a step (default 64; mlp 256)", 1, 65536},
        {0, "patience", OPT_WHOLE, &w.patience, "N", "stop after N epochs without a better validation; 0: never (default 20)", 0, 100000},
        {0, "rate", OPT_REAL, &w.rate, "X", "learning rate (default 2e-3; mlp 5e-3)", 1e-9, 10},
        {0, "schedule", OPT_CHOICE, &w.schedule, "NAME", "cosine (default), plateau or constant", 0, 0, schedules},
        {0, "warmup", OPT_REAL, &w.warmup, "X", "epochs in which the rate rises (default 2)", 0, 1e6},
        {0, "final-rate", OPT_REAL, &w.final_rate, "X", "share of the rate at the cosine's end (default 0.01)", 0, 1},
        {0, "plateau-factor", OPT_REAL, &w.plateau_factor, "X", "of the rate on a plateau (default 0.3)", 0.001, 1},
        {0, "plateau-epochs", OPT_WHOLE, &w.plateau_epochs, "N", "that make a plateau (default 5)", 1, 100000},
        {0, "optimizer", OPT_CHOICE, &w.optimizer, "NAME", "adamw (default) or adam", 0, 0, optimizers},
        {0, "beta1", OPT_REAL, &w.beta1, "X", "what Adam keeps of the gradient's average (default 0.9)", 0, 0.9999},
        {0, "beta2", OPT_REAL, &w.beta2, "X", "and of the square's (default 0.999)", 0, 0.999999},
        {0, "decay", OPT_REAL, &w.decay, "X", "of weights, biases and norms excepted (default 0.2; mlp 0.1)", 0, 10},
        {0, "clip", OPT_REAL, &w.clip, "X", "the gradient's norm at most; 0: as it is (default 1)", 0, 1e9},
        {0, "average", OPT_REAL, &w.average, "X", "what the weights' average keeps in a step; 0: the last weights (default 0.998; mlp 0.995)", 0, 0.999999},
        {0, "dropout", OPT_REAL, &w.drop_head, "X", "before the dense layers behind the first (default 0.2; mlp 0.1, without teachers 0.4)", 0, 0.95},
        {0, "encoder-dropout", OPT_REAL, &w.drop_encoder, "X", "in encoders and causal blocks, between recurrent layers (default 0.1)", 0, 0.95},
        {0, "prior", OPT_REAL, &w.prior, "X", "so much of the logarithm of a class' share is added to its logit while learning, "
                                              "so that all classes count the same without it (default 1)", 0, 2},
        {0, "balance", OPT_REAL, &w.balance, "X", "instead: objects weigh as (size of the class)^-X (default 0)", 0, 2},
        {0, "smoothing", OPT_REAL, &w.smoothing, "X", "of labels (default 0)", 0, 0.9},
        {0, "novelty", OPT_CHOICE, &w.novelty, "NAME", "what the model tells of inputs unlike the training set: relative (default), "
                                                       "nearest, answer, energy or none", 0, 0, novelties},
        {0, "temperature", OPT_REAL, &w.temperature, "X", "of the model, where it is known: from models of K folds, for one that "
                                                          "learns from all objects; 0: fitted (default)", 0, 20},
        {0, "uncalibrated", OPT_FLAG, &w.uncalibrated, NULL, "neither a temperature nor novelty"},
        {0, "teach", OPT_WHOLE, &w.teach, "K", "first train K teachers, each on all but one part of the objects to learn from, and learn "
                                               "what each says of the part that it never saw; 0: none (default 0; mlp 4)", 0, 1000},
        {0, "teach-rounds", OPT_WHOLE, &w.teach_rounds, "R", "each so many times, and their mean teaches (default 1)", 1, 1000},
        {0, "teach-epochs", OPT_WHOLE, &w.teach_epochs, "N", "of a teacher, whose size is the network's default (default 80; mlp 60)", 1, 100000},
        {0, "teach-dropout", OPT_REAL, &w.teach_dropout, "X", "of a teacher (default 0.2; mlp 0.5)", 0, 0.95},
        {0, "teacher", OPT_TEXT, &t->teachers, "MODEL,...", "learn the mean answer of these models, files or carried, too"},
        {0, "soft", OPT_TEXT, &t->soft, "FILE", "the same from a CSV: object_id, copy (optional), a column for each class"},
        {0, "soft-share", OPT_REAL, &w.soft_share, "X", "of the loss that is the teachers' (default 0.5; mlp 0.3)", 0, 1},
        {0, "soft-temperature", OPT_REAL, &w.soft_temperature, "X", "at which they are compared (default 1)", 0.01, 100},

        {0, "width", OPT_WHOLE, &w.width, "N", "channels of the network (t2: 32)", 1, 4096},
        {0, "heads", OPT_WHOLE, &w.heads, "N", "of attention (t2: 16)", 1, 4096},
        {0, "hidden", OPT_WHOLE, &w.hidden, "N", "of the feed-forward (t2: 128)", 1, 16384},
        {0, "blocks", OPT_WHOLE, &w.blocks, "N", "encoders (t2: 1)", 0, 32},
        {0, "kernel", OPT_WHOLE, &w.kernel, "N", "steps that the first convolution sees (t2: 1)", 1, 64},
        {0, "head", OPT_WHOLE, &w.head[0], "N", "units of one more dense layer; 0: none (t2: 0, mlp: 256)", 0, 4096},
        {0, "head2", OPT_WHOLE, &w.head[1], "N", "and of a second one (t2: 0, mlp: 128)", 0, 4096},
        {0, "silu", OPT_FLAG, &o->net.silu, NULL, "x / (1 + e^-x) in these, in the place of relu (mlp has it)"},
        {0, "norm", OPT_FLAG, &o->net.norm, NULL, "a layer norm before that activation (mlp has it)"},
        {0, "tile", OPT_FLAG, &o->net.tile, NULL, "features join the input at every step instead of the head"},

        {0, "checkpoint", OPT_TEXT, &t->checkpoint, "FILE", "write the run's state there after each epoch"},
        {0, "resume", OPT_FLAG, &o->resume, NULL, "go on from the checkpoint if it is there"},
        {0, "ledger", OPT_TEXT, &t->ledger, "FILE", "append a line of JSON about the run"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    int n_operands;
    const int code = opts_parse(&about, options, argc, argv, &n_operands);
    if (code != OPTS_GO) return code;
    grant(&w, o);
    o->checkpoint = t->checkpoint;
    if (n_operands != 1) return opts_wrong(&about, n_operands == 0 ? "give a file of prepared data" : "give one file of data");
    if (t->out == NULL) return opts_wrong(&about, "give -o MODEL, the file to write");
    if (o->resume && t->checkpoint == NULL) return opts_wrong(&about, "--resume needs --checkpoint FILE");
    if (o->teach == 1) return opts_wrong(&about, "one teacher would have nothing to learn from; 0: none");
    if (o->teach > 0 && (t->teachers != NULL || t->soft != NULL)) {
        return opts_wrong(&about, "--teach trains teachers; --teacher and --soft say that they are there");
    }
    if (o->folds == 1) return opts_wrong(&about, "with one fold nothing is left to learn from; 0 holds nothing back");
    if (o->folds > 0 && o->fold >= o->folds) return opts_wrong(&about, "fold %u of %u: they count from 0", o->fold, o->folds);
    t->data = argv[1];
    return OPTS_GO;
}

int cmd_train(int argc, char **argv)
{
    train_wishes t = {0};
    char **words = NULL, *text = NULL;
    int code = EXIT_WELL;
    const char *config = look_for("config", argc, argv);
    if (config != NULL) {
        code = train_read_config(config, &argc, argv, &words, &text);
        argv = words;
    }
    if (code == EXIT_WELL) {
        code = parse(argc, argv, &t);
        if (code == OPTS_GO) code = train_run(&t);
    }
    free(words);
    free(text);
    return code;
}
