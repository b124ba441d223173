/*
 * lightcurve/snana.h - light curves from SNANA's FITS files.
 *
 * They come in pairs: ..._HEAD.FITS has a row an object (SNID, PTROBS_MIN and
 * PTROBS_MAX: its rows in the other, from 1, both inclusive), ..._PHOT.FITS a
 * row a measurement (MJD, BAND or FLT, FLUXCAL, FLUXCALERR, PHOTFLAG).
 *
 * Fluxes have zero point 27.5, unless the key ZP_FLUXCAL of either file says
 * otherwise. A measurement is a detection where PHOTFLAG has the bit of the
 * key PHOTFLAG_DETECT (4096 without it). The redshift is REDSHIFT_FINAL, else
 * HOSTGAL_PHOTOZ. Points come out as from a CSV file (csv.h).
 */
#ifndef SL_LIGHTCURVE_SNANA_H
#define SL_LIGHTCURVE_SNANA_H

#include "base/arena.h"
#include "starling/alert.h"

typedef enum sl_snana_kind { SL_SNANA_NONE = 0, SL_SNANA_HEAD, SL_SNANA_PHOT } sl_snana_kind;

/* Which of the two a whole file in memory is; NONE for neither, or a broken one. */
sl_snana_kind sl_snana_sniff(const void *bytes, size_t n_bytes);

/*
 * The PHOT file that belongs to a HEAD file. From the key PHOTFILE of its
 * bytes: the name of a file in the same folder, without a path; often without
 * the .gz that it has by now. False if the header does not say.
 */
bool sl_snana_phot_of(const void *head, size_t n_head, char *out, size_t size);
/* From its name alone: ..._HEAD.FITS -> ..._PHOT.FITS, in any case, with any
   ending behind; a path stays. False for another name, or where size is too small. */
bool sl_snana_pair(const char *head_name, char *out, size_t size);

typedef struct sl_snana_reader sl_snana_reader;

/*
 * Open a pair, both not compressed. Borrows neither: what is needed is copied,
 * about as much as the files are large. Gives *out. SL_ERR_FORMAT/BAD_TABLE or
 * TRUNCATED says which file and what.
 */
sl_status sl_snana_open(const void *head, size_t n_head, const void *phot, size_t n_phot, sl_snana_reader **out,
                        sl_error *err);

/*
 * The next object; it lies in the arena. SL_DONE at the end. SL_ERR_FORMAT
 * says what is wrong with this object (its rows do not exist, or overlap those of
 * the one before, or do not fit into the arena): out has its object_id and no
 * points, and reading goes on behind it.
 */
sl_status sl_snana_next(sl_snana_reader *reader, sl_arena *arena, sl_alert *out, sl_error *err);

void sl_snana_close(sl_snana_reader *reader);

#endif
