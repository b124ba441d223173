/* Which sizes a search tries, on which grids, and what each begins with. */
#include "compress_search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "compress_show.h"

int search_no_memory(void)
{
    fprintf(stderr, "starling compress: out of memory\n");
    return EXIT_INTERNAL;
}

/* Data sets of fewer times, made from the data, in files that have no name any more. */
static int thin_grids(search *s)
{
    const compress_wishes *w = s->run->wishes;
    uint32_t every[SL_SIZING_MOST_HALVINGS];
    const uint32_t n = sl_sizing_lengths(sl_dataset_contract(s->run->data), w->sizes.halvings, every);
    int code = EXIT_WELL;
    for (uint32_t k = 0; code == EXIT_WELL && k < n; k++) {
        sl_error err;
        char *path = compress_path(s->run, ".grid");
        if (path == NULL) return search_no_memory();
        sl_status status = sl_dataset_thin(s->run->data, every[k], path, &err);
        if (status == SL_OK) status = sl_dataset_open(path, &s->grids[s->n_grids], &err);
        if (status == SL_OK) s->n_grids++;
        if (status < 0) code = say_failed("compress", NULL, &err);
        unlink(path);
        free(path);
    }
    return code;
}

/* Those that the user has prepared. */
static int open_shorter(search *s, const char *paths)
{
    char path[4096];
    for (const char *at = paths; *at != '\0';) {
        const size_t n = strcspn(at, ",");
        sl_error err;
        if (n >= sizeof path || s->n_grids == SL_SIZING_MOST_GRIDS) {
            fprintf(stderr, "starling compress: --shorter takes %d files at most\n", SL_SIZING_MOST_GRIDS - 1);
            return EXIT_USAGE;
        }
        memcpy(path, at, n);
        path[n] = '\0';
        if (sl_dataset_open(path, &s->grids[s->n_grids], &err) < 0) return say_failed("compress", NULL, &err);
        if (!sl_dataset_same_rows(s->run->data, s->grids[s->n_grids++])) {
            fprintf(stderr, "starling compress: %s has other rows than %s: prepare both with the same options but --steps\n",
                    path, s->run->wishes->data);
            return EXIT_IO;
        }
        at += n + (at[n] == ',');
    }
    return EXIT_WELL;
}

static int find_grids(search *s)
{
    const compress_wishes *w = s->run->wishes;
    s->grids[0] = s->run->data;
    s->n_grids = 1;
    if ((w->sizes.directions & SL_SIZING_LENGTH) == 0) return EXIT_WELL;
    return w->shorter != NULL ? open_shorter(s, w->shorter) : thin_grids(s);
}

/* Directions that the user has named a size of stay there. */
static void fix_sizes(const compress_wishes *w, sl_sizing *whole)
{
    const unsigned closed = ~w->sizes.directions;
    const sl_net_size *n = &w->train.net;
    if ((closed & SL_SIZING_WIDTH) != 0) whole->net.width = n->width;
    if ((closed & SL_SIZING_HEADS) != 0) whole->net.heads = n->heads;
    if ((closed & SL_SIZING_HIDDEN) != 0) whole->net.hidden = n->hidden;
    if ((closed & SL_SIZING_HEAD) != 0) whole->net.head[0] = n->head[0];
    if ((closed & SL_SIZING_HEAD2) != 0) whole->net.head[1] = n->head[1];
    if ((closed & SL_SIZING_FEATURES) != 0 && w->options.features > 0 && w->options.features < whole->features) {
        whole->features = w->options.features;
    }
}

/* The model's own network can be cut to fewer units of dense layers and of the feed-forward, and see fewer steps; its
   weights serve better than new ones. Heads of a new one share the width, those left of another would not. */
static trial_start start_of(const sl_sizing *whole, const sl_sizing *size)
{
    const sl_net_size *a = &whole->net, *b = &size->net;
    const bool units = a->hidden != b->hidden || a->head[0] != b->head[0] || a->head[1] != b->head[1];
    const bool fewer = b->hidden <= a->hidden && b->head[0] <= a->head[0] && b->head[1] <= a->head[1];
    const bool known = strcmp(a->name, "mlp") == 0 || strcmp(a->name, "t2") == 0;
    const bool gone = (a->head[0] > 0 && b->head[0] == 0) || (a->head[1] > 0 && b->head[1] == 0);
    const bool flat = strcmp(a->name, "cnn") == 0; /* it has weights of each step */
    if ((size->grid > 0 && flat) || a->width != b->width || a->heads != b->heads) return START_NEW;
    return !units ? START_WHOLE : known && fewer && !gone ? START_CUT : START_NEW;
}

void search_keep_units(const sl_net_size *net, sl_compress_options *o)
{
    o->n_keep_units = 0;
    if (strcmp(net->name, "t2") == 0) {
        for (uint32_t i = 0; i < net->blocks && o->n_keep_units < SL_MAX_KEEP_UNITS; i++) {
            o->keep_units[o->n_keep_units++] = (float)net->hidden;
        }
    }
    for (int i = 0; i < 2; i++) {
        if (net->head[i] > 0 && o->n_keep_units < SL_MAX_KEEP_UNITS) o->keep_units[o->n_keep_units++] = (float)net->head[i];
    }
}

int search_list(search *s)
{
    const compress_wishes *w = s->run->wishes;
    sl_sizing *sizes = NULL;
    sl_error err;
    if (sl_sizing_whole(s->run->model, &s->whole, &err) < 0) return say_failed("compress", w->model, &err);
    if (strcmp(s->whole.net.name, w->train.net.name) != 0) {
        fprintf(stderr, "starling compress: the network of %s is %s: say --net %s\n", w->model, s->whole.net.name,
                s->whole.net.name);
        return EXIT_USAGE;
    }
    const int code = find_grids(s);
    if (code != EXIT_WELL) return code;
    sl_sizing first = s->whole;
    sl_sizing_options options = w->sizes;
    fix_sizes(w, &first);
    options.grids = s->n_grids;
    while ((1 - (double)w->options.sparsity) * (1u << (options.densities - 1)) > 1 + 1e-6) options.densities--;
    if ((w->options.steps & SL_COMPRESS_PRUNE) == 0) options.directions &= ~(unsigned)(SL_SIZING_FEATURES | SL_SIZING_DENSITY);
    if (sl_sizing_list(&first, &options, &sizes, &s->n, &err) < 0) return say_failed("compress", NULL, &err);
    s->trials = calloc(s->n, sizeof *s->trials);
    for (size_t i = 0; s->trials != NULL && i < s->n; i++) {
        trial *t = &s->trials[i];
        t->size = sizes[i];
        t->steps = sl_contract_input_steps(sl_dataset_contract(s->grids[t->size.grid]));
        t->start = (w->options.steps & SL_COMPRESS_PRUNE) != 0 || start_of(&s->whole, &t->size) != START_CUT
                       ? start_of(&s->whole, &t->size) : START_NEW; /* units are cut by pruning */
        t->sparsity = fmax(0, 1 - (1 - (double)w->options.sparsity) * (1u << t->size.denser));
        search_name(s, t);
    }
    free(sizes);
    return s->trials != NULL ? EXIT_WELL : search_no_memory();
}
