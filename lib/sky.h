#pragma once
/*
 * Places in the sky: how people write them, and what a thousand nights do to them. Pure; any thread.
 *
 * Right ascension is in hours (0 to 24), declination in degrees (-90 to 90), as telescopes are told.
 */
#include <glib.h>
#include <stdbool.h>

/*
 * "5.5881", "5 35 17.3", "5:35:17.3", "5h35m17.3s" of hours; "-5.391", "-5 23 28", "-5:23:28", "-5°23'28\"", "-5d23m28s" of degrees.
 * `ra`: hours, and degrees where it says so ("83.82deg", "83.82°"). NULL or a word too many: false, with what to write.
 */
bool tb_sky_parse(const char *text, bool ra, double *ret, GError **error);
/* "5h 35m 17.3s", "-5° 23′ 28″"; the caller frees. */
char *tb_sky_format(double value, bool ra);

/* From the equinox of J2000.0, which catalogues have, to that of `t_ms` (epoch), at which a mount points; and back. Precession alone
 * (IAU 1976, Meeus chapter 21): nutation and aberration are below half a minute of arc. */
void tb_sky_precess(double *ra_hours, double *dec_deg, gint64 t_ms, bool back);
