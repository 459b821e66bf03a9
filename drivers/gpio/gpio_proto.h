#pragma once
/*
 * How the lines of a GPIO chip are named in an attach URI. Pure.
 *
 *      lines=boot=17:out:off,button=GPIO4:in:pull-up:active-low,led=22:out:open-drain:safe=off
 *      power=17:active-low:safe=off
 *
 * NAME=LINE[:OPTION…], with commas between; LINE is an offset on the chip, or the name that the kernel has for it.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/limits.h"

#define TB_GPIO_NAME 32 /* bytes of a line's name, with its NUL: the kernel's own limit */

typedef enum TbGpioBias {
        TB_GPIO_BIAS_AS_IS,
        TB_GPIO_BIAS_NONE,
        TB_GPIO_PULL_UP,
        TB_GPIO_PULL_DOWN
} TbGpioBias;
typedef enum TbGpioDrive { TB_GPIO_PUSH_PULL, TB_GPIO_OPEN_DRAIN, TB_GPIO_OPEN_SOURCE } TbGpioDrive;

typedef struct TbGpioSpec {
        char name[TB_LIMIT_ID + 1];
        char line[TB_GPIO_NAME]; /* "17", "GPIO4" */
        bool output, active_low;
        TbGpioBias bias;
        TbGpioDrive drive;
        bool on;  /* an output's first value */
        int safe; /* what an output is set to when it is let go: 0, 1; -1: left as it is */
} TbGpioSpec;

/* TB_LIMIT_GPIO_LINES at most. NULL with TB_ERROR_INVALID, field "lines". The caller unrefs. */
GArray *tb_gpio_parse_lines(const char *text, GError **error); /* of TbGpioSpec */
/* One output without a name; field "power". */
bool tb_gpio_parse_power(const char *text, TbGpioSpec *ret_spec, GError **error);
