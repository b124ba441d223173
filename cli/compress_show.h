/* cli/compress_show.h - what --table and --search tell alike: files beside OUT, cells of a loss, a drawing. */
#ifndef CLI_COMPRESS_SHOW_H
#define CLI_COMPRESS_SHOW_H

#include "compress_run.h"

/* OUT and an ending; gives, free. NULL without memory. */
char *compress_path(const compress_run *run, const char *ending);

/* A text to write beside OUT. */
typedef struct compress_text {
    const char *ending; /* ".md" */
    void (*put)(FILE *to, const void *what);
} compress_text;
int compress_write_texts(const compress_run *run, size_t n, const compress_text *texts, const void *what);

/* Loss, difference with its interval and agreement as the last cells of a row of Markdown (" a | b | c |"), and of CSV
   (",a,b,c,d,e"); dashes or nothing where there are no data. */
void compress_put_loss(FILE *to, const compress_row *row);
void compress_put_loss_csv(FILE *to, const compress_row *row);

enum { FRONT_PANELS = 2, FRONT_LABEL = 64 };

typedef struct front_point {
    double cost[FRONT_PANELS]; /* above 0: one a panel, drawn by its logarithm */
    double loss;
    bool aside; /* drawn, but compared with no other */
    char label[FRONT_LABEL];
} front_point;

/* Costs against losses, a panel each; points that no other beats in both have a line through them. */
void front_draw(FILE *to, size_t n, const front_point *points, size_t n_panels, const char *const *titles);

#endif
