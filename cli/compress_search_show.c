/* What a search tells: how it goes, and what it found. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "commands.h"
#include "compress_search.h"
#include "compress_show.h"

/* ---- names ---- */

static size_t add(char *to, size_t room, size_t n, const char *between, const char *format, unsigned x)
{
    if (n > 0) n += (size_t)snprintf(to + n, room - n, "%s", between);
    return n + (size_t)snprintf(to + n, room - n, format, x);
}

void search_name(const search *s, trial *t)
{
    const sl_net_size *n = &t->size.net;
    const bool t2 = strcmp(n->name, "t2") == 0, mlp = strcmp(n->name, "mlp") == 0;
    const struct {
        bool told;
        const char *format;
        unsigned x;
    } parts[] = {
        {!mlp, "width %u", n->width}, {t2, "heads %u", n->heads}, {t2, "hidden %u", n->hidden},
        {n->head[0] > 0, "units %u", n->head[0]}, {n->head[1] > 0, mlp ? "and %u" : "%u", n->head[1]},
        {s->whole.features > 0, "%u features", t->size.features}, {s->n_grids > 1, "%u steps", t->steps},
        {s->run->wishes->sizes.densities > 1, "%u %% of the weights", (unsigned)(100 * (1 - t->sparsity) + 0.501)},
    };
    size_t name = 0, label = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (!parts[i].told) continue;
        name = add(t->name, sizeof t->name, name, ", ", parts[i].format, parts[i].x);
        label = add(t->label, sizeof t->label, label, ":", "%u", parts[i].x);
    }
}

static const char *const starts[] = {"whole", "cut", "new"};

/* ---- how it goes ---- */

static const char *const fates[] = {"", "too slow", "too large", "loses too much", "stopped"};

static double seconds_left(const search *s)
{
    const double spent = 1e-6 * (bench_now_us() - s->began_us);
    return s->done > 0 ? spent * fmax(s->left, 0) / s->done : NAN;
}

static void tell_place(const search *s)
{
    fprintf(stderr, "round %u/%u, size %zu/%zu: %s, %u epochs", s->round, s->run->wishes->rounds, s->at + 1, s->n,
            s->trials[s->at].name, s->trials[s->at].epochs);
}

bool search_tell_epoch(void *user, const sl_train_progress *p)
{
    const search *s = user;
    if (s->run->wishes->quiet) return true;
    const bool terminal = isatty(STDERR_FILENO);
    if (p->teacher > 0) {
        if (p->epoch == p->epochs) fprintf(stderr, "teacher %u/%u\n", p->teacher, p->teachers);
    } else if (terminal) {
        fputc('\r', stderr);
        tell_place(s);
        fprintf(stderr, ": %u, held back %.4f   ", p->epoch, p->loss);
    }
    return true;
}

void search_tell(const search *s, const trial *t)
{
    if (s->run->wishes->quiet) return;
    char bytes[32];
    const compress_row *r = &t->row;
    if (isatty(STDERR_FILENO)) fputc('\r', stderr);
    tell_place(s);
    fprintf(stderr, ": %s bytes, %.1f us, log-loss %.4f (%+.4f)%s%s; %.0f s left\n", show_count(r->result.bytes_after, bytes),
            r->run_us, r->loss.after, r->loss.difference.interval.value, t->fate != FATE_OPEN ? ", " : "", fates[t->fate],
            seconds_left(s));
}

/* ---- what it found ---- */

/* What a size is worth. */
static const char *verdict(const trial *t)
{
    return t->chosen ? "chosen" : t->front ? "front" : t->fate == FATE_OPEN ? "beaten" : fates[t->fate];
}

/* Those that came farthest first, smaller files before larger ones. */
static int compare_trials(const void *a, const void *b)
{
    const trial *x = *(const trial *const *)a, *y = *(const trial *const *)b;
    if (x->round != y->round) return x->round > y->round ? -1 : 1;
    const size_t n = x->row.result.bytes_after, m = y->row.result.bytes_after;
    if (n != m) return n < m ? -1 : 1;
    return x < y ? -1 : x > y;
}

typedef struct shown {
    const search *s;
    const trial **order;
} shown;

static void put_row(FILE *to, const char *name, uint32_t epochs, size_t bytes, const compress_row *r, const char *said)
{
    char text[32];
    fprintf(to, "| %s | ", name);
    if (epochs > 0) fprintf(to, "%u", epochs);
    fprintf(to, " | %s | %.0f | %.0f | %.1f |", bytes > 0 ? show_count(bytes, text) : "-", r->open_us, r->first_us, r->run_us);
    compress_put_loss(to, r);
    fprintf(to, " %s |\n", said);
}

static void put_markdown(FILE *to, const void *what)
{
    const shown *w = what;
    fputs("| size | epochs | bytes | open [us] | first answer [us] | answer [us] | log-loss | difference, 95 % |"
          " same answer | |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|---|\n", to);
    put_row(to, "the model", 0, w->s->original.result.bytes_after, &w->s->original, "");
    for (size_t i = 0; i < w->s->n; i++) {
        const trial *t = w->order[i];
        put_row(to, t->name, t->epochs, t->row.result.bytes_after, &t->row, verdict(t));
    }
}

static void put_csv(FILE *to, const void *what)
{
    const shown *w = what;
    fputs("width,heads,hidden,head,head2,features,steps,sparsity,start,round,epochs,bytes,open_us,first_us,run_us,"
          "log_loss,difference,low,high,agreement,verdict\n", to);
    for (size_t i = 0; i < w->s->n; i++) {
        const trial *t = w->order[i];
        const sl_net_size *n = &t->size.net;
        fprintf(to, "%u,%u,%u,%u,%u,%u,%u,%.4f,%s,%u,%u,%zu,%.2f,%.2f,%.3f", n->width, n->heads, n->hidden, n->head[0], n->head[1],
                t->size.features, t->steps, t->sparsity, starts[t->start], t->round, t->epochs, t->row.result.bytes_after, t->row.open_us, t->row.first_us,
                t->row.run_us);
        compress_put_loss_csv(to, &t->row);
        fprintf(to, ",%s\n", verdict(t));
    }
}

/* Sizes that learned to the end are compared; those that were stopped, or are over a budget, stand aside. */
static void put_svg(FILE *to, const void *what)
{
    static const char *const titles[] = {"bytes of the file", "microseconds an answer"};
    const shown *w = what;
    front_point *points = calloc(w->s->n + 1, sizeof *points);
    size_t n = 0;
    for (size_t i = 0; points != NULL && i < w->s->n; i++) {
        const trial *t = w->order[i];
        if (t->round == 0) continue;
        front_point *p = &points[n++];
        *p = (front_point){.cost = {(double)t->row.result.bytes_after, t->row.run_us},
                           .loss = t->row.loss.difference.interval.value, .aside = t->fate != FATE_OPEN};
        snprintf(p->label, sizeof p->label, "%s", t->label);
    }
    if (points != NULL) front_draw(to, n, points, 2, titles);
    free(points);
}

int search_show(const search *s)
{
    static const compress_text texts[] = {{".md", put_markdown}, {".csv", put_csv}, {".svg", put_svg}};
    const trial **order = malloc((s->n + 1) * sizeof *order);
    if (order == NULL) return search_no_memory();
    for (size_t i = 0; i < s->n; i++) order[i] = &s->trials[i];
    qsort(order, s->n, sizeof *order, compare_trials);
    const shown w = {s, order};
    const int code = compress_write_texts(s->run, sizeof texts / sizeof texts[0], texts, &w);
    if (code == EXIT_WELL && !s->run->wishes->quiet) put_markdown(stdout, &w);
    free(order);
    return code;
}
