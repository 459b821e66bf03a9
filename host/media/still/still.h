#pragma once
/*
 * Stills and MJPEG of a hub. Pictures are compressed on the media room's own worker thread, once for all who
 * want the same quality. Thread: main; callbacks too.
 */
#include <glib.h>
#include <stdbool.h>

#include "host/media/media.h"

typedef enum TbStillFormat { TB_STILL_PNG, TB_STILL_JPEG } TbStillFormat;

typedef struct TbStill TbStill;

/*
 * One picture of the device now, also with nobody watching: starts the source if need be and waits for its
 * first picture. `done` is called exactly once, later, unless tb_still_cancel() came first. image NULL +
 * error: TB_ERROR_TIMEOUT no picture within `timeout_ms` (0: 5000), TB_ERROR_UNAVAILABLE the hub is in fault
 * (its reason), TB_ERROR_GONE, TB_ERROR_LIMIT too many waiting. `taken_us`: tb_clock_us() at which the
 * picture was taken. `image` is borrowed: take a reference.
 */
TbStill *tb_still_take(TbMedia *media, TbHub *hub, TbStillFormat format, int quality, int timeout_ms,
                       void (*done)(void *data, GBytes *image, gint64 taken_us, const GError *error),
                       void *data);
/* Right after tb_still_take(): so many pixels of width are enough of a JPEG (a thumbnail). */
void tb_still_set_width(TbStill *still, int width);
void tb_still_cancel(TbStill *still); /* only before `done` */

typedef struct TbMjpeg TbMjpeg;

typedef struct TbMjpegForm {
        int fps, quality;
        int width; /* pixels that are enough; 0: all of them */
} TbMjpegForm;

/*
 * A client of a motion JPEG stream. `frame` gets each picture (borrowed), at most `fps` a second, the newest
 * when main was busy; a static screen repeats at least once a second. fps 1…30 (0: 10), quality 10…95 (0:
 * 80); else TB_ERROR_INVALID with the field. `form` is copied. TB_ERROR_LIMIT: too many clients. The client itself drops what
 * its socket cannot take: return without writing. `by`: whose place it takes (lib/places.h).
 */
TbMjpeg *tb_mjpeg_new(TbMedia *media, TbHub *hub, const TbPlaceBy *by, const TbMjpegForm *form,
                      void (*frame)(void *data, GBytes *jpeg, gint64 taken_us), void *data, GError **error);
void tb_mjpeg_free(TbMjpeg *mjpeg); /* accepts NULL */

#define TB_STILL_WAITING 64 /* stills that wait at once, per host: then TB_ERROR_LIMIT */
