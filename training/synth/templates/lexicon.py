"""Words of office paper in thirteen languages: labels, goods and running text for the page templates.

Running text is drawn word by word: at the resolution of a page a detector sees the shape of words, not their meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from training.synth.fonts import Script


@dataclass(frozen=True, slots=True)
class Language:
    """One language: its script, the words of running text, form labels, article names, titles and closings."""

    code: str
    script: Script
    words: tuple[str, ...]
    labels: tuple[str, ...]
    goods: tuple[str, ...]
    titles: tuple[str, ...]
    closing: tuple[str, ...]
    currency: str

    def sentence(self, rng: np.random.Generator, low: int = 7, high: int = 22) -> str:
        """Return one sentence of ``low`` to ``high - 1`` words with a comma now and then."""
        count = int(rng.integers(low, high))
        if self.script is Script.CJK:
            half = count // 2 + 1
            text = "".join(rng.choice(self.words, half)) + "，" + "".join(rng.choice(self.words, count - half + 1))
            return text + "。"
        chosen = [str(word) for word in rng.choice(self.words, count)]
        if count > 9:
            chosen[count // 2] += "،" if self.script is Script.ARABIC else ","
        text = " ".join(chosen)
        return text[0].upper() + text[1:] + "."

    def paragraph(self, rng: np.random.Generator, low: int = 2, high: int = 6) -> str:
        """Return ``low`` to ``high - 1`` sentences."""
        return " ".join(self.sentence(rng) for _ in range(int(rng.integers(low, high))))

    def phrase(self, rng: np.random.Generator, low: int = 2, high: int = 5) -> str:
        """Return a few words without a full stop."""
        joiner = "" if self.script is Script.CJK else " "
        return joiner.join(str(word) for word in rng.choice(self.words, int(rng.integers(low, high))))


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|"))


def _language(
    code: str,
    script: Script,
    words: str,
    labels: str,
    goods: str,
    titles: str,
    closing: str,
    currency: str,
) -> Language:
    return Language(
        code,
        script,
        tuple(words.split()),
        _split(labels),
        _split(goods),
        _split(titles),
        _split(closing),
        currency,
    )


_ALL = (
    _language(
        "en",
        Script.LATIN,
        "the of and to in for a is that with as on by this be are from or it was at which an have not we our your "
        "payment delivery order agreement company report please contact account number date within shall any service "
        "information received according department product quality project market price period request attached "
        "following research results material between parties increase provided program review between total copies",
        "Date|Name|Address|Telephone|Fax|Account No.|Reference|Department|Amount|Signature|Order No.|Customer|Subject|"
        "From|To|City|Country|Approved by|Received by|Remarks|Quantity|Unit price|Total|Invoice No.|Due date|Position",
        "Copy paper A4, 500 sheets|Ball-point pen, blue|Network cable 10 m|Shipping costs|Desk lamp|Printer cartridge|"
        "Mineral water 1.0 l|Hex bolt M8|Rubber gloves, box|Consulting, hours|Storage box|Office chair|USB hub",
        "Invoice|Purchase order|Memorandum|Statement of account|Delivery note|Quotation|Certificate|Agreement|Report",
        "Yours sincerely|Kind regards|Very truly yours|Sincerely|Best regards",
        "USD",
    ),
    _language(
        "de",
        Script.LATIN,
        "der die das und in den von zu mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat "
        "dass sie nach wird bei Rechnung Betrag Lieferung Vertrag Konto Zahlung Anschrift bitte innerhalb Tagen gemäß "
        "unsere Ihre Bestellung Unterlagen Abteilung Gesellschaft Geschäftsführer Vereinbarung über sowie wurde kann",
        "Datum|Name|Anschrift|Telefon|Fax|Konto-Nr.|Zeichen|Abteilung|Betrag|Unterschrift|"
        "Bestell-Nr.|Kunde|Betreff|Von|"
        "An|Ort|Land|Geprüft|Erhalten|Bemerkung|Menge|Einzelpreis|Gesamtpreis|Rechnungs-Nr.|Fällig am|Beschreibung",
        "Versandkosten|Druckerpapier|Schreibtischlampe|Kugelschreiber, blau|Netzwerkkabel 5m|Aktenordner|Sprudelwasser|"
        "Schrauben M6|Beratung, Stunden|Tintenpatrone|Wandkalender|Bürostuhl|Kaffee 500g|Teekanne|Fensterreiniger",
        "Rechnung|Mahnung|Lieferschein|Angebot|Auftragsbestätigung|Bescheinigung|Vertrag|Gutschrift|Antrag",
        "Mit freundlichen Grüßen|Hochachtungsvoll|Freundliche Grüße|Mit besten Grüßen",
        "€",
    ),
    _language(
        "fr",
        Script.LATIN,
        "le la les de des et à un une du dans pour que qui est sur par au avec ce il se ne pas plus son sa nous vous "
        "votre notre facture paiement livraison commande montant contrat société service dossier règlement délai selon "
        "conformément département responsable compte adresse signature travaux projet année entre parties présente",
        "Date|Nom|Adresse|Téléphone|Fax|N° de compte|Référence|Service|Montant|Signature|N° de "
        "commande|Client|Objet|De|À|"
        "Ville|Pays|Approuvé|Reçu|Remarques|Quantité|Prix unitaire|Total|Facture n°|Échéance|Désignation",
        "Papier A4|Stylo bleu|Câble réseau|Frais de port|Lampe de bureau|Cartouche d'encre|Eau minérale|Classeur|"
        "Honoraires|Chaise|Café moulu|Enveloppes C5|Main-d'œuvre",
        "Facture|Bon de commande|Bordereau|Devis|Attestation|Contrat|Procès-verbal|Relevé de compte",
        "Cordialement|Veuillez agréer nos salutations|Salutations distinguées",
        "€",
    ),
    _language(
        "es",
        Script.LATIN,
        "el la los las de y en que a un una por con no se su para es al lo como más del factura pago entrega pedido "
        "contrato sociedad cuenta servicio presente según conforme departamento fecha importe dirección cliente firma "
        "entre partes año mes proyecto informe solicitud número registro ministerio oficina señor mediante cual",
        "Fecha|Nombre|Dirección|Teléfono|Fax|Cuenta|Referencia|Departamento|Importe|Firma|"
        "Pedido|Cliente|Asunto|De|Para|"
        "Ciudad|País|Aprobado|Recibido|Observaciones|Cantidad|Precio|Total|Factura n.º|Vencimiento|Descripción",
        "Papel A4|Bolígrafo azul|Cable de red|Gastos de envío|Lámpara|Cartucho|Agua mineral|"
        "Tornillos M6|Asesoría|Silla",
        "Factura|Pedido|Albarán|Presupuesto|Certificado|Contrato|Acta|Informe|Solicitud",
        "Atentamente|Un cordial saludo|Le saluda atentamente",
        "€",
    ),
    _language(
        "pl",
        Script.LATIN,
        "i w na z do się nie że jest o to od po za przez przy dla oraz lub jak został umowa faktura zapłata dostawa "
        "zamówienie kwota spółka rachunek adres dnia roku zgodnie niniejszej strony podpis "
        "wniosek urząd miasto sprawie "
        "załącznik pismo termin należność usługi której będzie może także według stanowi",
        "Data|Imię i nazwisko|Adres|Telefon|Faks|Nr konta|Znak|Dział|Kwota|Podpis|Nr zamówienia|Klient|Dotyczy|Od|Do|"
        "Miasto|Kraj|Zatwierdził|Otrzymano|Uwagi|Ilość|Cena|Razem|Faktura nr|Termin|Nazwa",
        "Papier A4|Długopis|Kabel sieciowy|Koszt wysyłki|Lampa biurkowa|Toner|Woda mineralna|"
        "Śruby M6|Doradztwo|Krzesło",
        "Faktura VAT|Umowa|Zaświadczenie|Wniosek|Protokół|Oferta|Rachunek",
        "Z poważaniem|Z wyrazami szacunku|Pozdrawiam",
        "zł",
    ),
    _language(
        "vi",
        Script.LATIN,
        "và của các là trong cho được với có không người theo những này về tại từ đến khi hợp đồng bên thanh toán công "
        "ty ngày tháng năm số tiền giao hàng điều khoản quy định thực hiện trách nhiệm giấy "
        "chứng nhận địa chỉ đại diện "
        "chức vụ ông bà văn bản cơ quan quản lý nhà nước việc đơn vị cộng hòa độc lập tự do hạnh phúc phải sẽ một",
        "Ngày|Họ và tên|Địa chỉ|Điện thoại|Fax|Số tài khoản|Số|Phòng ban|Số tiền|Ký tên|Đơn hàng|Khách hàng|Về việc|Từ|"
        "Kính gửi|Thành phố|Quốc gia|Duyệt|Đã nhận|Ghi chú|Số lượng|Đơn giá|Thành tiền|Hóa đơn số|Hạn|Mô tả",
        "Giấy A4|Bút bi xanh|Cáp mạng|Phí vận chuyển|Đèn bàn|Hộp mực|Nước khoáng|Ốc vít M6|Tư vấn|Ghế văn phòng",
        "Hóa đơn|Hợp đồng|Biên bản|Giấy chứng nhận|Quyết định|Thông báo|Đơn xin",
        "Trân trọng|Kính thư|Giám đốc",
        "VND",
    ),
    _language(
        "hi-latn",
        Script.LATIN,
        "pramanit kiya jata hai ki shri shrimati ke dwara diya gaya aur yah patra sthan "
        "dinank kramank karyalaya sarkar "
        "zila nagar niwasi putra patni varsh masik bhugtan rashi shulk aavedan adhikari "
        "vibhag hetu samiti anusar tatha "
        "niyam sanstha pradesh bharat gram panchayat tahsil nyayalaya shapath sahi satya mera mere naam par ko se mein",
        "Dinank|Naam|Pata|Phone|Fax|Khata No.|Kramank|Vibhag|Rashi|Hastakshar|Aadesh No.|Grahak|Vishay|Se|Prati|Nagar|"
        "Rajya|Swikrit|Prapt|Tippani|Matra|Dar|Yog|Bill No.|Antim tithi|Vivran",
        "Kagaz A4|Kalam neela|Taar 10 m|Bhada|Diya|Syahi|Pani|Pech M6|Salah|Kursi|Chawal 5 kg|Chai 500 g",
        "Praman Patra|Bill|Aavedan Patra|Shapath Patra|Rasid|Anubandh|Suchna",
        "Bhavdiya|Dhanyavaad|Prarthi",
        "Rs.",
    ),
    _language(
        "tr",
        Script.LATIN,
        "ve bir bu için ile olarak da de olan gibi daha sonra göre kadar ancak fatura ödeme teslimat sipariş sözleşme "
        "şirket hesap adres tarih tutar müdürlük belge taraflar imza gereği kurum yıl ay gün sayılı ilgili başvuru "
        "hizmet tarafından yapılan bulunan edilmiştir olduğu üzere hakkında bilgi rica ederiz",
        "Tarih|Ad Soyad|Adres|Telefon|Faks|Hesap No|Sayı|Bölüm|Tutar|İmza|Sipariş No|Müşteri|"
        "Konu|Kimden|Kime|Şehir|Ülke|"
        "Onay|Teslim alan|Açıklama|Miktar|Birim fiyat|Toplam|Fatura No|Vade|Ürün",
        "A4 kâğıt|Tükenmez kalem|Ağ kablosu|Kargo|Masa lambası|Kartuş|Maden suyu|Vida M6|Danışmanlık|Sandalye",
        "Fatura|Sözleşme|Tutanak|Belge|Dilekçe|Teklif|Makbuz",
        "Saygılarımızla|Saygılarımla",
        "TL",
    ),
    _language(
        "ru",
        Script.CYRILLIC,
        "и в на с по что не для от к о за из а как это при до или его также между договор стороны настоящего оплата "
        "товара поставка заказчик исполнитель обязуется срок дней сумма счёт акт работ услуг соответствии пункт "
        "приложение ответственность общество директор лице действующего основании устава именуемое дальнейшем "
        "предоставить документы организация порядке условиях Российской Федерации закона может быть является",
        "Дата|Ф.И.О.|Адрес|Телефон|Факс|Расчётный счёт|Исх. №|Отдел|Сумма|Подпись|Заказ №|"
        "Покупатель|Тема|От|Кому|Город|"
        "ИНН|КПП|БИК|Утверждаю|Получено|Примечание|Количество|Цена|Итого|Счёт №|Срок|"
        "Наименование|Поставщик|Грузополучатель",
        "Бумага А4|Ручка шариковая|Кабель сетевой|Доставка|Лампа настольная|Картридж|Вода минеральная|Болт М8|"
        "Консультация|Кресло офисное|Труба стальная|Цемент М500|Монтажные работы",
        "Счёт на оплату|Договор|Акт|Накладная|Справка|Заявление|Доверенность|Протокол|Приказ|Счёт-фактура",
        "С уважением|Генеральный директор|Руководитель",
        "руб.",
    ),
    _language(
        "uk",
        Script.CYRILLIC,
        "і в на з по що не для від до про за та як це при або його також між договір сторони оплата товару постачання "
        "замовник виконавець зобов'язується строк днів сума рахунок акт робіт послуг відповідно пункт додаток директор "
        "особі діє підставі статуту надалі документи організація порядку умовах України закону може бути є",
        "Дата|П.І.Б.|Адреса|Телефон|Факс|Рахунок|Вих. №|Відділ|Сума|Підпис|Замовлення|Покупець|Тема|Від|Кому|Місто|"
        "ЄДРПОУ|Затверджую|Отримано|Примітка|Кількість|Ціна|Разом|Рахунок №|Строк|Найменування",
        "Папір А4|Ручка кулькова|Кабель|Доставка|Лампа|Картридж|Вода мінеральна|Болт М8|Консультація|Крісло",
        "Рахунок|Договір|Акт|Накладна|Довідка|Заява|Наказ",
        "З повагою|Директор",
        "грн",
    ),
    _language(
        "zh",
        Script.CJK,
        "的 在 和 是 与 及 或 应 不 公司 合同 双方 甲方 乙方 本 协议 付款 金额 交货 日期 根据 有关 规定 责任 产品 质量 "
        "服务 项目 管理 部门 单位 办理 申请 证明 通知 执行 工作 建设 技术 中国 市场 发展 人民 法律 提供 按照 内容 文件 "
        "签订 有效 期限 如下 方式 保证 承担 违约 验收 地址 电话 负责 完成 进行 经营 以上 其他",
        "日期|姓名|地址|电话|传真|账号|编号|部门|金额|签名|订单号|客户|事由|发件人|收件人|"
        "城市|国家|批准|收讫|备注|数量|"
        "单价|合计|发票号|到期日|名称|规格|开户行",
        "复印纸A4|圆珠笔|网线|运费|台灯|墨盒|矿泉水|螺栓M8|咨询费|办公椅|钢管|水泥",
        "合同书|发票|证明|通知|收据|协议书|申请表|报告|送货单",
        "此致敬礼|法定代表人|授权代表",
        "元",
    ),
    _language(
        "ja",
        Script.CJK,
        "の に は を と が で から まで より また 当社 契約 請求 支払 金額 納品 期日 株式会社 "
        "担当 部署 製品 品質 業務 管理 "
        "申請 証明 通知 住所 電話 責任 者 以下 通り 下記 お願い 申し上げます ください について "
        "による もの こと 書類 内容 "
        "確認 平素 格別 ご高配 賜り 厚く 御礼",
        "日付|氏名|住所|電話|ＦＡＸ|口座番号|番号|部署|金額|署名|注文番号|お客様|件名|差出人|宛先|"
        "承認|受領|備考|数量|単価|合計|"
        "請求書番号|支払期限|品名|担当",
        "コピー用紙A4|ボールペン|LANケーブル|送料|卓上ライト|インク|ミネラルウォーター|ボルトM8|相談料|椅子",
        "請求書|納品書|見積書|領収書|契約書|証明書|申請書|報告書",
        "敬具|以上|代表取締役",
        "円",
    ),
    _language(
        "ar",
        Script.ARABIC,
        "في من على إلى أن هذا التي الذي عن مع كل بين قد لا ما هو هي تم ذلك العقد الطرف الأول "
        "الثاني الشركة المبلغ الدفع "
        "التسليم التاريخ الحساب العنوان وزارة إدارة شهادة طلب الموافقة القانون المادة بموجب يلتزم خلال مدة يوم سنة رقم "
        "الخدمة المنتج الجودة المسؤولية وفقا للأحكام السيد المدير العام المملكة مدينة",
        "التاريخ|الاسم|العنوان|الهاتف|فاكس|رقم الحساب|المرجع|القسم|المبلغ|التوقيع|رقم الطلب|"
        "العميل|الموضوع|من|إلى|المدينة|"
        "الدولة|اعتماد|استلام|ملاحظات|الكمية|السعر|المجموع|رقم الفاتورة|الاستحقاق|الوصف",
        "ورق A4|قلم حبر|كابل شبكة|رسوم الشحن|مصباح مكتب|خرطوشة حبر|مياه معدنية|براغي|استشارة|كرسي",
        "فاتورة|عقد|شهادة|إشعار|طلب|محضر|إيصال",
        "وتفضلوا بقبول فائق الاحترام|المدير العام",
        "ر.س",
    ),
)

LANGUAGES = MappingProxyType({language.code: language for language in _ALL})
"""Every language by its code."""

_WEIGHTS = MappingProxyType(
    {
        "en": 5.0,
        "de": 3.0,
        "fr": 1.5,
        "es": 1.0,
        "pl": 1.0,
        "vi": 1.2,
        "hi-latn": 0.8,
        "tr": 0.6,
    }
    | {"ru": 3.0, "uk": 0.5, "zh": 2.0, "ja": 0.8, "ar": 1.2}
)


def pick_language(rng: np.random.Generator) -> Language:
    """Draw a language, common ones more often."""
    weights = np.array([_WEIGHTS[code] for code in LANGUAGES])
    return _ALL[int(rng.choice(len(_ALL), p=weights / weights.sum()))]
