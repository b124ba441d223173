/* starling classify: alerts and light curves in, one record each out. */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "opts.h"

static const char *const formats[] = {"jsonl", "csv", "avro", NULL};

static const manual about = {
    .command = "classify",
    .summary = "alerts and light curves in, class probabilities out",
    .operands = "PATH...",
    .text =
        "Reads alerts and light curves, interpolates each by a Gaussian process, runs the model's network on it, and\n"
        "writes one record an alert, in the order of the input. A PATH is a file, a folder, or - for standard input\n"
        "(which is read where there is no PATH). What a file is, its content says: Avro containers and framed messages\n"
        "of ZTF, LSST and ELAsTiCC, tar archives of these, compressed ones too; light curves in CSV and SNANA FITS.\n"
        "\n"
        "An alert that does not meet the model's contract is refused, bytes that cannot be decoded are quarantined;\n"
        "both get a record that says why. The last line on standard error balances the books.",
    .examples = "# a night as ZTF publishes it\n"
                "starling classify -o night.jsonl ztf_public_20181129.tar.gz\n"
                "# only the supernovae, as they come\n"
                "starling classify night/ | jq -c 'select(.class == \"SNIa\")'\n"
                "# keep what cannot be read, and be told by the exit code\n"
                "starling classify -m model.starling --quarantine broken --strict night.tar > night.jsonl",
};

typedef struct settings {
    const char *model, *out, *schemas, *quarantine;
    int format;
    bool format_given, strict, quiet, every_epoch;
    uint64_t threads;
} settings;

/* Without -f, the name of the output says it. */
static int format_of(const settings *s)
{
    const char *dot = strrchr(s->out, '.');
    if (s->format_given || dot == NULL) return s->format;
    for (int i = 0; formats[i] != NULL; i++) {
        if (strcmp(dot + 1, formats[i]) == 0) return i;
    }
    return s->format;
}

static void show_progress(void *user, const sl_progress *p)
{
    char count[32], rate[32], size[32], left[64] = "";
    const double seconds = p->ledger.seconds > 0 ? p->ledger.seconds : 1e-9;
    const double share = p->bytes_total > 0 ? (double)p->ledger.bytes_read / (double)p->bytes_total : 0;
    if (share > 0 && share <= 1) {
        const double rest = seconds * (1 - share) / share;
        snprintf(left, sizeof left, ", %.0f %%, %.0f:%02.0f left", 100 * share, (double)(long)(rest / 60),
                 (double)((long)rest % 60));
    }
    fprintf(stderr, "\r%s alerts, %s/s, %s read%s\033[K", show_count(p->ledger.read, count),
            show_count((uint64_t)((double)p->ledger.read / seconds), rate), show_bytes(p->ledger.bytes_read, size), left);
}

static void print_reasons(const sl_ledger *books, int from, int to)
{
    const char *before = " (";
    for (int r = from; r < to; r++) {
        if (books->by_reason[r] == 0) continue;
        fprintf(stderr, "%s%s %" PRIu64, before, sl_reason_name(r), books->by_reason[r]);
        before = ", ";
    }
    if (before[0] == ',') fputc(')', stderr);
}

/* "read = classified + refused (by reason) + quarantined (by reason)": docs/output.md. */
static void print_books(const sl_ledger *books)
{
    char rate[32];
    fprintf(stderr, "read %" PRIu64 " = %" PRIu64 " classified + %" PRIu64 " refused", books->read, books->classified,
            books->refused);
    print_reasons(books, SL_REASON_NONE + 1, SL_REASON_FIRST_QUARANTINE);
    fprintf(stderr, " + %" PRIu64 " quarantined", books->quarantined);
    print_reasons(books, SL_REASON_FIRST_QUARANTINE, SL_N_REASONS);
    const double per_second = books->seconds > 0 ? (double)books->read / books->seconds : 0;
    fprintf(stderr, "; %.2f s, %s a second\n", books->seconds, show_count((uint64_t)per_second, rate));
}

/* The output would cut an input to nothing before it is read. */
static int out_is_input(const settings *s, const char *const *paths, size_t n_paths)
{
    struct stat out, in;
    if (strcmp(s->out, "-") == 0 || stat(s->out, &out) != 0) return OPTS_GO;
    for (size_t i = 0; i < n_paths + 1; i++) {
        const char *path = i < n_paths ? paths[i] : s->model;
        if (path != NULL && stat(path, &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino && S_ISREG(in.st_mode)) {
            return opts_wrong(&about, "%s would be overwritten before it is read; give -o another name", path);
        }
    }
    return OPTS_GO;
}

static int run(const settings *s, const models *m, const char *const *paths, size_t n_paths)
{
    const bool progress = !s->quiet && isatty(STDERR_FILENO);
    FILE *out = open_out(about.command, s->out);
    if (out == NULL) return EXIT_IO;
    const sl_run_options options = {
        .models = (const sl_model *const *)m->model,
        .n_models = m->n,
        .paths = paths,
        .n_paths = n_paths,
        .schema_folder = s->schemas,
        .quarantine_folder = s->quarantine,
        .format = (sl_format)format_of(s),
        .out = out,
        .threads = (int)s->threads,
        .ingest_time_ms = (int64_t)time(NULL) * 1000,
        .every_epoch = s->every_epoch,
        .progress = progress ? show_progress : NULL,
    };
    sl_ledger books;
    sl_error err;
    int code = EXIT_WELL;
    const sl_status status = sl_run(&options, &books, &err);
    if (progress) fprintf(stderr, "\r\033[K");
    if (books.out_closed) { /* as in "| head": who reads has what he wanted */
        print_books(&books);
        return EXIT_WELL;
    }
    if (status < 0) code = say_failed(about.command, NULL, &err);
    if (status == SL_OK || books.read > 0) print_books(&books);
    const int closed = close_out(about.command, s->out, out);
    if (code == EXIT_WELL) code = closed;
    if (code == EXIT_WELL && s->strict && books.classified < books.read) code = EXIT_SOME;
    return code;
}

int cmd_classify(int argc, char **argv)
{
    settings s = {.out = "-"};
    const opt options[] = {
        {'m', "model", OPT_TEXT, &s.model, "MODEL", "a model file, or one of the program's own by name; unless given, each alert goes to "
         "the one of gr, ugrizy and ugrizy-photoz that suits its survey: g and r, six bands, six bands with a redshift. "
         "gr-small is gr in 6 kB, its network twice as fast; so the others"},
        {'o', "output", OPT_TEXT, &s.out, "OUT", "write the records to OUT, not to standard output"},
        {'f', "format", OPT_CHOICE, &s.format, "FORMAT",
         "jsonl, csv or avro (ELAsTiCC's brokerClassification); unless given, the ending of OUT says it, else jsonl",
         .choices = formats, .given = &s.format_given},
        {'j', "threads", OPT_WHOLE, &s.threads, "THREADS", "workers; one a core unless given", 1, 1024},
        {0, "schemas", OPT_TEXT, &s.schemas, "DIR", "the schemas of framed messages: .avsc files or Avro containers"},
        {0, "quarantine", OPT_TEXT, &s.quarantine, "DIR",
         "keep what cannot be decoded in DIR, with the reasons in DIR/reasons.jsonl"},
        {0, "every-epoch", OPT_FLAG, &s.every_epoch, NULL,
         "tell the answer behind each step of the light curve, too, in \"epochs\"; JSON lines, and models that look "
         "backwards only (gru, tcn)"},
        {0, "strict", OPT_FLAG, &s.strict, NULL, "exit with 1 where any alert was refused or quarantined"},
        {'q', "quiet", OPT_FLAG, &s.quiet, NULL, "no progress line"},
        {.name = NULL},
    };
    int n_paths;
    int code = opts_parse(&about, options, argc, argv, &n_paths);
    if (code != OPTS_GO) return code;
    const char *standard_input = "-";
    const char *const *paths = n_paths > 0 ? (const char *const *)(argv + 1) : &standard_input;
    if (n_paths == 0 && isatty(STDIN_FILENO)) return opts_wrong(&about, "nothing to read: give a PATH");
    if (s.every_epoch && format_of(&s) != SL_FORMAT_JSONL) return opts_wrong(&about, "--every-epoch is for JSON lines only");
    if (format_of(&s) == SL_FORMAT_AVRO && strcmp(s.out, "-") == 0 && isatty(STDOUT_FILENO)) {
        return opts_wrong(&about, "Avro is not for terminals: give -o OUT");
    }
    const size_t n = n_paths > 0 ? (size_t)n_paths : 1;
    code = out_is_input(&s, paths, n);
    if (code != OPTS_GO) return code;
    models m;
    code = open_models(about.command, s.model, &m);
    if (code == EXIT_WELL && m.n == 0) {
        code = opts_wrong(&about, "this build carries no model: give one with -m MODEL; starling train and import make them");
    }
    if (code == EXIT_WELL) code = run(&s, &m, paths, n);
    close_models(&m);
    return code;
}
