"""A Modbus server by Debian's python3-pymodbus. `tcp PORT` or `rtu DEVICE`; "ready" when it answers.
Holding registers: 0 = 2305, 1-2 = 123.456 (f32, abcd), 3 = 0xfffe; input register 0 = 215; coils 0-7 off, of which 7 does not switch;
no address from 100 on. Slave 1."""
import asyncio, logging, sys
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import StartAsyncSerialServer, StartAsyncTcpServer
from pymodbus.transaction import ModbusRtuFramer, ModbusSocketFramer

logging.disable()


class Coils(ModbusSequentialDataBlock):
    def setValues(self, address, values):
        if address != 7:
            super().setValues(address, values)


async def main():
    holding = ModbusSequentialDataBlock(0, [2305, 0x42F6, 0xE979, 0xFFFE] + [0] * 96)
    slave = ModbusSlaveContext(di=ModbusSequentialDataBlock(0, [0, 1] * 50), co=Coils(0, [0] * 100), hr=holding,
                               ir=ModbusSequentialDataBlock(0, [215] + [0] * 99), zero_mode=True)
    context = ModbusServerContext(slaves={1: slave}, single=False)
    if sys.argv[1] == "tcp":
        run = StartAsyncTcpServer(context, address=("127.0.0.1", int(sys.argv[2])), framer=ModbusSocketFramer)
    else:
        run = StartAsyncSerialServer(context, port=sys.argv[2], framer=ModbusRtuFramer, baudrate=19200)
    task = asyncio.ensure_future(run)
    await asyncio.sleep(0)
    print("ready", flush=True)
    await task


asyncio.run(main())
