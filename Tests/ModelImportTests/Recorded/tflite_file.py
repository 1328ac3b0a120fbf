"""Writes TFLite files from parts: tensors, buffers, operators of one subgraph."""
import flatbuffers
import tflite


class Model:
    """A TFLite file in parts."""

    def __init__(self):
        self.builder = flatbuffers.Builder(1024)
        self.tensors, self.buffers, self.operators = [], [b""], []

    def tensor(self, name, shape, kind, scales=None, zeros=None, dimension=0, data=None):
        buffer = 0
        if data is not None:
            self.buffers.append(data)
            buffer = len(self.buffers) - 1
        self.tensors.append((name, list(shape), kind, scales, zeros, dimension, buffer))
        return len(self.tensors) - 1

    def operator(self, code, inputs, outputs, options=None, version=1):
        self.operators.append((code, inputs, outputs, options, version))

    def vector(self, values, kind):
        b = self.builder
        if kind == "bytes":
            return b.CreateByteVector(values)
        size = 8 if kind == "int64" else 4
        b.StartVector(size, len(values), size)
        prepend = {"int32": b.PrependInt32, "int64": b.PrependInt64, "float": b.PrependFloat32,
                   "table": b.PrependUOffsetTRelative}[kind]
        for value in reversed(values):
            prepend(value)
        return b.EndVector()

    def table(self, name, **fields):
        """Ends a table of generated type `name`; vectors must have been made before."""
        getattr(tflite, name + "Start")(self.builder)
        for field, value in fields.items():
            if value is not None:
                getattr(tflite, name + "Add" + field)(self.builder, value)
        return getattr(tflite, name + "End")(self.builder)

    def finish(self, inputs, outputs):
        buffers = []
        for data in self.buffers:
            content = self.vector(data, "bytes") if data else None
            buffers.append(self.table("Buffer", Data=content))
        buffers = self.vector(buffers, "table")
        tensors = []
        for name, shape, kind, scales, zeros, dimension, buffer in self.tensors:
            name = self.builder.CreateString(name)
            shape = self.vector(shape, "int32")
            quantization = None
            if scales is not None:
                scales = self.vector([float(s) for s in scales], "float")
                zeros = self.vector([int(z) for z in zeros], "int64")
                quantization = self.table("QuantizationParameters", Scale=scales, ZeroPoint=zeros,
                                          QuantizedDimension=dimension)
            tensors.append(self.table("Tensor", Name=name, Shape=shape, Type=kind, Buffer=buffer,
                                      Quantization=quantization))
        tensors = self.vector(tensors, "table")
        codes = self.vector([self.table("OperatorCode", DeprecatedBuiltinCode=min(code, 127),
                                        BuiltinCode=code, Version=version)
                             for code, _, _, _, version in self.operators], "table")
        operators = []
        for index, (_, reads, writes, options, _) in enumerate(self.operators):
            kind = table = None
            if options:
                name, fields = options
                fields = {key: self.vector(value, "int32") if isinstance(value, list) else value
                          for key, value in fields.items()}
                kind, table = getattr(tflite.BuiltinOptions, name), self.table(name, **fields)
            reads, writes = self.vector(reads, "int32"), self.vector(writes, "int32")
            operators.append(self.table("Operator", OpcodeIndex=index, Inputs=reads, Outputs=writes,
                                        BuiltinOptionsType=kind, BuiltinOptions=table))
        operators = self.vector(operators, "table")
        inputs, outputs = self.vector(inputs, "int32"), self.vector(outputs, "int32")
        graph = self.table("SubGraph", Tensors=tensors, Inputs=inputs, Outputs=outputs,
                           Operators=operators)
        graphs = self.vector([graph], "table")
        self.builder.Finish(self.table("Model", Version=3, OperatorCodes=codes, Subgraphs=graphs,
                                       Buffers=buffers), b"TFL3")
        return bytes(self.builder.Output())
