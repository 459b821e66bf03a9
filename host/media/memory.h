#pragma once
/*
 * What viewers needed goes back to the system behind them. By default both allocators of this process keep
 * the most that was ever in use; linking this file and calling it changes that.
 */
void tb_memory_lean(void); /* main, before the first pipeline; any number of times */
