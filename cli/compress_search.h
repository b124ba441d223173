/* cli/compress_search.h - a search among smaller networks: what it tried, for those who tell it. */
#ifndef CLI_COMPRESS_SEARCH_H
#define CLI_COMPRESS_SEARCH_H

#include "compress_run.h"

/* What became of a size. */
typedef enum trial_fate {
    FATE_OPEN = 0, /* still in the running; at the end: compared */
    FATE_SLOW,     /* an answer takes too long, before or after learning */
    FATE_LARGE,    /* the file is too large */
    FATE_WORSE,    /* it loses more than the budget */
    FATE_STOPPED   /* others were better in a round before the last */
} trial_fate;

/* What it begins with. */
typedef enum trial_start {
    START_WHOLE = 0, /* the model's own network */
    START_CUT,       /* what is left of that without some of its units */
    START_NEW        /* a new one */
} trial_start;

typedef struct trial {
    sl_sizing size;
    uint32_t steps;      /* that it sees */
    char name[96];       /* for people */
    char label[32];      /* numbers alone, for a drawing */
    trial_start start;
    double sparsity;
    uint32_t round, epochs; /* how far it came; 0: it never learned */
    double flop;         /* of a forward pass before it learned: what its training costs */
    compress_row row;    /* of the last round; before the first: its times alone */
    trial_fate fate;
    bool front, chosen;
} trial;

typedef struct search {
    const compress_run *run;
    sl_sizing whole;
    size_t n;
    trial *trials;
    compress_row original; /* the model itself */
    uint32_t n_grids;      /* the data, and what shorter grids there are */
    sl_dataset *grids[SL_SIZING_MOST_GRIDS];
    uint32_t round;        /* at hand, from 1 */
    size_t at;             /* the trial at hand */
    double done, left, began_us; /* work in epochs times operations, for the time left */
} search;

/* compress_search_sizes.c */
/* Open the grids, and fill in the trials; the exit code. */
int search_list(search *s);
/* Units of each layer that has some to cut, in the network's order. */
void search_keep_units(const sl_net_size *net, sl_compress_options *o);
/* Says so; gives the exit code. */
int search_no_memory(void);

/* compress_search_show.c */
/* Fill in the name and the label of a trial. */
void search_name(const search *s, trial *t);
/* One line to standard error about the trial at hand. */
void search_tell(const search *s, const trial *t);
bool search_tell_epoch(void *user, const sl_train_progress *p);
/* What is known at the end: OUT.md, OUT.csv, OUT.svg, and to standard output. */
int search_show(const search *s);

#endif
