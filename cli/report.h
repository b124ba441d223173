/* cli/report.h - the parts of the page that `starling evaluate --report` writes. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "evaluate.h"

/* Colours that the page's style has for classes; those beyond begin anew. */
enum { CLASS_COLORS = 16 };

/* report_classes.c */
void report_confusion(FILE *to, const judged *j, const sl_scores *s);
void report_class_bars(FILE *to, const evaluation *e, int set);
void report_curves(FILE *to, const judged *j, int set);
/* report_along.c */
void report_reliability(FILE *to, const evaluation *e, int set, sl_calibration_kind kind, const char *title);
void report_along(FILE *to, const evaluation *e, int axis, sl_figure figure);
void report_differences(FILE *to, const evaluation *e);
/* report_examples.c */
void report_examples(FILE *to, const evaluation *e, int set);

#endif
