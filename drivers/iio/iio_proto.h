#pragma once
/*
 * What the files of an industrial I/O device are called, and in which unit they are. Pure. Source: Linux
 * Documentation/ABI/testing/sysfs-bus-iio.
 *
 *      in_voltage0_raw  in_voltage0-voltage1_raw  in_accel_x_raw      (raw + offset) × scale is in the kernel's unit
 *      in_temp_input  in_illuminance0_input                           it is already
 */
#include <glib.h>
#include <stdbool.h>

#define TB_IIO_CHANNEL 64 /* bytes of a channel's name with its NUL */

typedef struct TbIioValue {
        char channel[TB_IIO_CHANNEL]; /* "voltage0", "accel_x" */
        char shared
                [TB_IIO_CHANNEL]; /* without its numbers, as what all of its sort share is called: "voltage", "voltage-voltage" */
        char sort[TB_IIO_CHANNEL];   /* without its modifier, too: "accel" */
        char label[TB_IIO_CHANNEL];  /* what tells it from others of its sort: "0", "0-1", "x" */
        const char *quantity, *unit; /* static */
        double factor;               /* of the kernel's unit to `unit` */
        bool processed;              /* in_temp_input */
} TbIioValue;

/* Whether that file is a measurement. */
bool tb_iio_parse_file(const char *name, TbIioValue *ret);
