#pragma once
/*
 * What the files of a sensor chip's folder are called, and in which unit they are. Pure. Source: Linux
 * Documentation/hwmon/sysfs-interface.rst.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbHwmonValue {
        const char *word;            /* "temp": its label is temp1_label, its fault temp1_fault; static */
        const char *quantity, *unit; /* static */
        double scale;                /* of the file's number to `unit` */
        guint index;                 /* 1 of temp1_input */
        bool average;                /* power1_average: of no use where there is power1_input */
} TbHwmonValue;

/* Whether that file is a measurement: "temp1_input", "in0_input", "power1_average". */
bool tb_hwmon_parse_file(const char *name, TbHwmonValue *ret);
