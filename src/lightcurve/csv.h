/*
 * lightcurve/csv.h - light curves from a table in text, one object after another.
 *
 * Columns are found by their names in the first line, in any case and order:
 *
 *   object     object_id objectid object name snid id diaobjectid oid
 *   time       mjd | midpointmjdtai | jd                 the middle of the exposure
 *   band       passband band filter flt                  u g r i z y, "ztfg", "lsst_r", or 0..5 = ugrizy
 *   flux       flux fluxcal (zero point 27.5) | psfflux (31.4 = nJy)
 *   its error  flux_err fluxerr flux_error fluxcalerr psffluxerr
 *   magnitude  mag magpsf                                instead of a flux
 *   its error  magerr mag_err mag_error sigmapsf         none: an upper limit
 *   optional   detected detected_bool; zero_point zeropoint zp; redshift hostgal_photoz;
 *              redshift_err redshift_error hostgal_photoz_err
 *
 * The separator is whichever of comma, tab and semicolon the first line has
 * most of. A byte order mark, CRLF, blank lines and lines that begin with '#'
 * are let pass. All rows of an object must stand together.
 *
 * What comes out is an alert of SL_SURVEY_NONE. Every measurement is of kind
 * FORCED with the flags TAI and MIDDLE_OF_EXPOSURE (a file's times are taken
 * as they are), and DETECTED where a detected column says so; a magnitude
 * without an error is of kind LIMIT. Such points count under any contract
 * (`use` does not choose among them), and its window is laid around those
 * flagged DETECTED, or not at all where the table has none.
 */
#ifndef SL_LIGHTCURVE_CSV_H
#define SL_LIGHTCURVE_CSV_H

#include "base/arena.h"
#include "base/stream.h"
#include "starling/alert.h"

typedef struct sl_csv_reader sl_csv_reader;

/* Do these first bytes (a few KiB do) look like such a table: is the first line
   of text, with at least two of the columns above? */
bool sl_csv_sniff(const void *head, size_t n);

/*
 * Reads the first line. Borrows stream until sl_csv_close. Gives *out.
 * SL_ERR_FORMAT/BAD_TABLE says which column is missing.
 */
sl_status sl_csv_open(sl_stream *stream, sl_csv_reader **out, sl_error *err);

/*
 * The next object; it lies in the arena. SL_DONE at the end. SL_ERR_FORMAT
 * says what is wrong with this object (BAD_TABLE with the line, or TOO_LARGE
 * where it does not fit into the arena): out has its object_id, if it is known,
 * and no points, and reading goes on behind it. An object whose rows do not
 * stand together is such an error each time it comes back (of the first
 * 4 million objects; later ones are not remembered).
 */
sl_status sl_csv_next(sl_csv_reader *reader, sl_arena *arena, sl_alert *out, sl_error *err);

void sl_csv_close(sl_csv_reader *reader);

#endif
