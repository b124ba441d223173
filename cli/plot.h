/* cli/plot.h - a light curve in characters. */
#ifndef CLI_PLOT_H
#define CLI_PLOT_H

#include <stdio.h>

#include "starling/alert.h"

/*
 * The measurements among n points, those in the unit of the detections, as
 * letters of their bands over time; magnitudes bright side up. Draws nothing
 * where fewer than two are finite. Borrows.
 */
void plot_light_curve(FILE *to, const sl_point *points, size_t n);

#endif
