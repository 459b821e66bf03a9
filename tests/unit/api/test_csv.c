/* The history of sensors as a table: rows, what is quoted, and what no spreadsheet takes for a formula. */
#include "host/api/csv.h"

#include <glib.h>

static void test_samples(void)
{
        json_auto_t *history = json_pack("{s:{s:s, s:[I,I], s:[f,f]}, s:{s:s, s:[], s:[]}}", "volt", "unit",
                                         "V", "t", (json_int_t)1700000000000, (json_int_t)1700000000500,
                                         "value", 3.25, -1e-9, "none", "unit", "1", "t", "value");
        g_autofree char *text = tb_csv_of_history(history);
        g_assert_cmpstr(text, ==,
                        "stream,t,value,unit\r\n"
                        "\"volt\",1700000000000,3.25,\"V\"\r\n"
                        "\"volt\",1700000000500,-1.0000000000000001e-09,\"V\"\r\n");
}

static void test_steps(void)
{
        json_auto_t *history =
                json_pack("{s:{s:s, s:f, s:[i], s:[f], s:[f], s:[f], s:[i]}}", "a", "unit", "=1+\"1\",2",
                          "step_s", 1.0, "t", 1000, "min", 1.0, "mean", 1.5, "max", 2.0, "n", 2);
        g_autofree char *text = tb_csv_of_history(history);
        g_assert_cmpstr(text, ==,
                        "stream,t,min,mean,max,n,unit\r\n\"a\",1000,1,1.5,2,2,\"'=1+\"\"1\"\",2\"\r\n");
}

static void test_nothing(void)
{
        json_auto_t *history = json_object();
        g_autofree char *text = tb_csv_of_history(history);
        g_assert_cmpstr(text, ==, "stream,t,value,unit\r\n");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/csv/samples", test_samples);
        g_test_add_func("/csv/steps", test_steps);
        g_test_add_func("/csv/nothing", test_nothing);
        return g_test_run();
}
