#pragma once
/*
 * Measurements in a device's answer: which number stands where, what it is called and in which unit. A driver
 * has a table of them. Pure: any thread.
 *
 *      static const TbReading rows[] = {
 *              {"power.watts", "power", "W", "/meters/0/power"},
 *              {"power.energy", "energy", "W.h", "/meters/0/total", 1. / 60},
 *              {NULL},
 *      };
 */
#include "drivers/driver.h"

typedef struct TbReading {
        const char *stream, *quantity, *unit; /* as TbSample; stream NULL ends a table */
        const char *pointer; /* RFC 6901; a part that is * stands for the index that the caller gives */
        double scale;        /* the unit in units of ours; 0: 1 */
} TbReading;

/* What stands there; borrowed; NULL: nothing. */
const json_t *tb_reading_at(const json_t *root, const char *pointer, int index);
/* A number there, or a number as a string ("21.5"), times the scale; NAN: none, or none that is finite. */
double tb_reading_json(const TbReading *row, const json_t *root, int index);
/* true, 1, "on", "true", "1" and their opposites, in any case. False: it is none of them. */
bool tb_reading_switch(const json_t *value, bool *ret_on);
/* A text, a number or true and false as the text that somebody compares it with; NULL: it is none of these. The caller frees. */
char *tb_reading_word(const json_t *value);
/* The number that a text begins with, "21.5 C" or "on 3.2" behind its word; NAN: none. */
double tb_reading_text(const char *text);
