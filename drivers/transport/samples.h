#pragma once
/*
 * Samples of sensors: telling them, and reading them out of what a program or a device prints. Measurements at
 * fixed places of a JSON answer are reading.h's.
 */
#include "drivers/driver.h"

/* Tells one, now; NAN and infinities are "not measured" and are not told. Worker. */
void tb_samples_tell(TbInstance *self, const char *stream, const char *quantity, const char *unit,
                     double value);

/*
 * One number (then `name` is its stream); or lines "name value [unit]"; or JSON {"name": number |
 * {"value","unit","quantity"}}. Calls `each` per sample, until one is bad. At most TB_LIMIT_STREAMS of them
 * (TOO_LARGE); DEVICE: it is none of these. `who` printed it, for texts: "the command". Pure.
 */
bool tb_samples_parse(const char *text, gsize size, const char *who, const char *name,
                      void (*each)(const TbSample *sample, gpointer data), gpointer data, GError **error);

/* What a device calls a sensor ("Package id 0") as part of a stream's name ("package-id-0"), of 32 bytes at most; "sensor" where
 * nothing of it can stand there. The caller frees. Pure. */
char *tb_samples_part(const char *label);
